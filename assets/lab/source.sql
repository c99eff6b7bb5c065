-- The practice source, run as superuser in database `postgres` in one transaction. The name of that database is part
-- of the story: an RDS instance that was created without naming a database has just this one.

CREATE ROLE charts_owner NOLOGIN;
CREATE ROLE dms LOGIN REPLICATION;
-- As a member of the owning role it may read, alter and publish the tables.
GRANT charts_owner TO dms;
GRANT CREATE ON DATABASE postgres TO dms;
GRANT USAGE, CREATE ON SCHEMA public TO charts_owner;

SET LOCAL ROLE charts_owner;

-- The story's table: nothing tells PostgreSQL that "ChartDate_WeekEnding" is its key, though every value is unique.
CREATE TABLE public.weekly_chart (
    "ChartDate_WeekEnding" date NOT NULL,
    "Song Title"           text,
    artist                 varchar(200),
    peak_position          int,
    weeks_on_chart         smallint,
    streams                bigint,
    revenue                numeric(12,2),
    is_new                 boolean,
    updated_at             timestamptz,
    meta                   jsonb
);

INSERT INTO public.weekly_chart
SELECT date '2026-11-14' - (n - 1),
       CASE n % 13
           WHEN 0 THEN 'Don''t Stop, ' || n % 700
           WHEN 1 THEN 'Señorita ' || n % 900 || ' 🎵'
           WHEN 2 THEN E'C:\\Music\\Track ' || n % 800
           WHEN 3 THEN E'Tab\tand\nnew line ' || n % 600
           WHEN 4 THEN 'さくら ' || n % 500
           WHEN 5 THEN NULL
           ELSE 'Song ' || n % 4000
       END,
       CASE WHEN n % 97 = 0 THEN NULL ELSE (ARRAY['ABBA', 'abba', 'Beyoncé', 'Sigur Rós', 'AC/DC', 'P!nk'])[1 + n % 6] END,
       1 + n % 100,
       (n * 7 % 120)::smallint,
       n::bigint * 104729 % 5000 * 1000000,
       CASE WHEN n % 53 = 0 THEN NULL ELSE (n % 4999)::numeric * 1.37 - 250 END,
       CASE n % 11 WHEN 0 THEN NULL ELSE n % 3 = 0 END,
       timestamptz '2026-11-14 23:59:59.123456+00' - (n % 3000) * interval '37 minutes',
       CASE n % 5
           WHEN 0 THEN NULL
           WHEN 1 THEN '{}'::jsonb
           ELSE jsonb_build_object('week', n % 52, 'tags', jsonb_build_array('pop', 'näive', '🔥'), 'score', n % 40 / 8.0)
       END
FROM generate_series(1, 52000) AS n;

-- Names that need quotes everywhere, text that MySQL's defaults would cut or mix up, bytes with zeros.
CREATE TABLE public."Artist Bio" (
    "Artist ID"  int PRIMARY KEY,
    "Full ""Name""" text NOT NULL,
    biography    text,
    photo        bytea,
    tags         text[],
    born         date
);

INSERT INTO public."Artist Bio"
SELECT n,
       'Artist ' || n || CASE WHEN n % 3 = 0 THEN ' 🎤' ELSE '' END,
       CASE WHEN n % 4 = 0 THEN NULL ELSE repeat('Life of \ "artist" ' || n || E'\t\n', 1 + n % 30) END,
       CASE WHEN n % 5 = 0 THEN NULL ELSE decode('00ff5c0a0d2700', 'hex') || convert_to('photo ' || n, 'UTF8') END,
       CASE n % 3 WHEN 0 THEN NULL WHEN 1 THEN '{}' ELSE ARRAY['rock', 'a "quoted" tag', NULL, 'tag,' || n] END,
       CASE WHEN n % 6 = 0 THEN NULL ELSE date '1930-01-01' + n * 17 END
FROM generate_series(1, 1200) AS n;

-- Reserved words all over, and a key of two columns.
CREATE TABLE public."order" (
    "select" int NOT NULL,
    "from"   smallint NOT NULL,
    "group"  varchar(40),
    "key"    numeric(10,4),
    PRIMARY KEY ("select", "from")
);

INSERT INTO public."order"
SELECT n, line, 'group ' || n % 9, n * line / 7.0
FROM generate_series(1, 2500) AS n, generate_series(1, 3) AS line;

-- Every kind of value that has tripped somebody between the two databases.
CREATE TYPE public.listening_state AS ENUM ('started', 'skipped', 'finished', 'it''s complicated');

CREATE TABLE public.plays (
    id           uuid PRIMARY KEY,
    state        public.listening_state NOT NULL,
    started_at   timestamptz NOT NULL,
    local_time   timestamp,
    at_time      time,
    lasted       interval,
    exact        numeric,
    ratio        double precision,
    volume       real,
    client       inet,
    raw          json,
    details      jsonb,
    ratings      int[],
    paid         boolean,
    counter      bigint
);

INSERT INTO public.plays
SELECT md5('play ' || n)::uuid,
       (enum_range(NULL::public.listening_state))[1 + n % 4],
       timestamptz '2026-03-29 00:30:00 Europe/London' + n * interval '61 seconds',
       CASE WHEN n % 10 = 0 THEN NULL ELSE timestamp '1999-12-31 23:59:59.999999' + n * interval '1 day' END,
       time '00:00' + n * interval '7.000001 seconds',
       CASE WHEN n % 8 = 0 THEN NULL ELSE n * interval '1 minute 0.5 second' END,
       CASE n % 4 WHEN 0 THEN NULL WHEN 1 THEN 12345678901234567890.123456789 + n WHEN 2 THEN -0.000000000001 * n ELSE n END,
       CASE WHEN n % 9 = 0 THEN NULL ELSE n / 3.0 END,
       n / 7.0,
       CASE WHEN n % 2 = 0 THEN inet '192.0.2.1' + n % 200 ELSE inet '2001:db8::1' + n END,
       CASE WHEN n % 6 = 0 THEN NULL ELSE ('{"b": 1,   "a": [' || n || '], "b": 2}')::json END,
       jsonb_build_object('n', n, 'text', E'line\nbreak \\ "quote"', 'none', NULL),
       CASE WHEN n % 7 = 0 THEN NULL ELSE ARRAY[n, NULL, -n] END,
       CASE n % 3 WHEN 0 THEN NULL ELSE n % 2 = 0 END,
       CASE n % 5 WHEN 0 THEN 9223372036854775807 WHEN 1 THEN -9223372036854775808 ELSE n END
FROM generate_series(1, 8000) AS n;

-- Text keys that are equal to a target that ignores case, accents or spaces at the end.
CREATE TABLE public."Länder・国" (
    "Ländercode" text PRIMARY KEY,
    name         text NOT NULL
);

INSERT INTO public."Länder・国"
VALUES ('se', 'Sverige'), ('SE', 'SVERIGE'), ('de', 'Deutschland'), ('dé', 'Dé'), ('jp', '日本'), ('uk', 'UK 🇬🇧'), ('uk ', 'UK, and a space');

CREATE TABLE public.empty_so_far (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text);

RESET ROLE;

ANALYZE;
