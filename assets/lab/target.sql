-- The practice target, run as root: the table as a Spark job in overwrite mode left it. It was dropped and created
-- again from the data frame's types: no key, every column nullable, text without a length, money as floating point.

CREATE DATABASE charts CHARACTER SET latin1;

CREATE TABLE charts.weekly_chart (
    ChartDate_WeekEnding date,
    `Song Title`         longtext,
    artist               longtext,
    peak_position        int,
    weeks_on_chart       int,
    streams              bigint,
    revenue              double,
    is_new               bit(1),
    updated_at           timestamp NULL DEFAULT NULL,
    meta                 longtext
) DEFAULT CHARACTER SET latin1;

-- What its last run left of a table of 52,000 rows: those that were new that day.
INSERT INTO charts.weekly_chart VALUES
    ('2026-11-14', 'Song 1', 'ABBA', 1, 7, 4729000000, 1.37, b'1', '2026-11-14 23:59:59', '{}'),
    ('2026-11-13', 'Song 2', 'abba', 2, 14, 4458000000, 2.74, b'0', '2026-11-14 23:59:59', NULL),
    ('2026-11-12', NULL, 'P!nk', 3, 21, 4187000000, NULL, NULL, '2026-11-14 23:59:59', '{}');

CREATE USER 'dms'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, CREATE TEMPORARY TABLES, LOCK TABLES
    ON charts.* TO 'dms'@'%';
-- The control tables of DMS.
GRANT ALL PRIVILEGES ON `awsdms\_control`.* TO 'dms'@'%';
-- Whose transactions hold locks.
GRANT PROCESS ON *.* TO 'dms'@'%';
