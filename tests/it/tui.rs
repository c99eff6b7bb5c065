//! The session as a person has it: the whole program in a pseudo-terminal, keys in, screen out. Tests wait for what
//! the screen says, never for time.

pub mod terminal;

use cdc_doctor::facts::MyFlavor;
use mysql_async::prelude::Queryable;

use self::terminal::Session;
use crate::account::Account;
use crate::support::{self, Project, Source, Target};

/// A sound pipeline with one table, but for the source's TLS.
fn broken(source: &Source, target: &Target) -> Project {
    source.run(
        "CREATE TABLE chart (week date, place int, title text NOT NULL, PRIMARY KEY (week, place));
         INSERT INTO chart SELECT date '2020-01-04' + 7 * (i / 100), i % 100, 'title ' || i
         FROM generate_series(0, 4999) i",
    );
    let project = Project::new(source, target);
    let slot = support::unique("session");
    project.edit("[tables]", &format!("[sync]\nslot = {slot:?}\npublication = {slot:?}\n\n[tables]"));
    let text = project.text().replacen("tls = \"verify-full\"", "tls = \"disable\"", 1);
    std::fs::write(project.path(), text).unwrap();
    project
}

fn rows(target: &Target) -> u64 {
    support::block_on(async {
        let mut conn = target.conn().await;
        conn.query_first("SELECT count(*) FROM chart").await.unwrap().unwrap()
    })
}

#[test]
fn find_fix_sync_and_leave() {
    support::both_targets(|target| {
        let source = support::source();
        let project = broken(&source, target);
        let mut session = Session::start(&project, 80, 24);
        session.wait("TLS").wait("╳").wait("last run");
        session.keys("f").wait("Fix TLS-001").wait("tls = \"verify-full\" in [source]");
        session.keys("\r").wait("Applied TLS-001").wait("✓ TLS-001 pass");
        assert!(project.text().contains("tls = \"verify-full\""), "{}", project.text());
        session.keys("\r").wait("PostgreSQL 1").wait("TLS 1.3 verify-full").wait("0 of 1 table");
        session.keys("s").wait("streaming").wait("0 changes");
        assert_eq!(rows(target), 5000);
        source.run("INSERT INTO chart VALUES ('2021-01-01', 1, 'new'); UPDATE chart SET title = 'x' WHERE place = 7");
        session.wait("51 changes");
        assert_eq!(rows(target), 5001);
        session.keys("x").wait("Stop the sync?").keys("y").wait("stopped, and can go on");
        source.run(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()",
        );

        // A load would double the rows: it is refused, and there is a way on.
        project.edit("[sync]", "[sync]\nmode = \"full-load\"");
        session.keys("1r").wait("full load");
        session.keys("s").wait("ended before its work was done").wait("empty the target tables");
        session.keys("t").wait("Type truncate").keys("truncate\r").wait("all rows are there");
        assert_eq!(rows(target), 5001);
        session.keys("1").wait("1 of 1 table");
        session.keys("q");
        assert_eq!(session.end(), 0);
    });
}

/// The same, sound.
fn sound(source: &Source, target: &Target) -> Project {
    let project = broken(source, target);
    project.edit("tls = \"disable\"", "tls = \"verify-full\"");
    project
}

#[test]
fn from_a_missing_table_to_a_verified_sync_without_leaving() {
    support::both_targets(|target| {
        let source = support::source();
        let project = sound(&source, target);
        let mut session = Session::start(&project, 120, 40);
        session.wait("last run").keys("3").wait("1 missing").wait("CREATE TABLE");
        session.keys("c").wait("Create or repair public.chart").keys("\r").wait("Done.");
        session.keys("\r").wait_gone("1 missing").wait("as it should be");

        session.keys("5s").wait("streaming").wait("mem ");
        session.keys("v").wait("Source and target are equal").wait("5,000 rows").keys("q");
        // Its table is new, so that the running sync does not carry it yet.
        session.keys("c").wait("before its table was there").keys("q");
        session
            .keys(" ")
            .wait("paused: space lets it go on")
            .keys(" ")
            .wait_gone("paused: ")
            .wait("direct · streaming");
        session.keys("c").wait("✓ insert").wait("✓ update").wait("✓ delete").keys("q");

        // A row that somebody else removed is found, and comes back when its table is loaded again.
        target.run("DELETE FROM chart WHERE place = 7 AND week = '2020-01-04'");
        session.keys("v").wait("Source and target differ").wait("missing").keys("q");
        session.keys("xy").wait("stopped, and can go on");
        session.keys("/chart\r").wait("1 to 1 of 1 shown").keys("L").wait("Load the table again?").keys("y");
        session.wait("streaming").wait("chart: 5,000 rows loaded");
        session.keys("\x1b").wait_gone("1 to 1 of 1 shown").keys("v").wait("Source and target are equal").keys("q");
        session.keys("6").wait("source and target differ").keys("o").wait("from warnings on");
        session.keys("qy");
        assert_eq!(session.end(), 0);
    });
}

#[test]
fn a_fix_is_taken_back_and_a_report_written() {
    let source = support::source();
    let target = support::target(MyFlavor::MariaDb);
    let project = broken(&source, &target);
    let mut session = Session::start(&project, 100, 30);
    session.wait("last run").keys("u").wait("nothing");
    session.keys("f").wait("Fix TLS-001").keys("\r").wait("✓ TLS-001 pass").keys("\r").wait("TLS 1.3");
    session.keys("w").wait("Written: ");
    let report = |name: &str| name.starts_with("cdc-doctor.report-");
    let written = std::fs::read_dir(project.folder())
        .unwrap()
        .filter(|f| report(f.as_ref().unwrap().file_name().to_str().unwrap()));
    assert_eq!(written.count(), 1);
    session.keys("u").wait("Take the last applied plan back?").wait("tls = \"disable\"").keys("y").wait("Taken back");
    assert!(project.text().contains("tls = \"disable\""), "{}", project.text());
    session.keys("q").wait("╳");
    session.keys(":look at everything").wait("❯ look at everything").keys("\r").wait("last run");
    session.keys("q");
    assert_eq!(session.end(), 0);
}

#[test]
fn the_mouse_and_the_clipboard() {
    let source = support::source();
    let target = support::target(MyFlavor::MariaDb);
    let project = broken(&source, &target);
    let mut session = Session::start(&project, 100, 30);
    session.wait("last run").click("2 Checks").wait("plaintext-to-tls-only-source");
    session.keys("y").wait("Copied");
    // OSC 52 with the text in base64, to whoever keeps the clipboard.
    assert!(session.raw().contains("\x1b]52;c;"), "no text was offered to the clipboard");
    session.click("q quit");
    assert_eq!(session.end(), 0);
}

#[test]
fn the_dms_side_is_made_and_the_task_watched_without_leaving() {
    let account = Account::new(MyFlavor::MariaDb);
    let mut session = Session::start(&account.project, 120, 40);
    session.wait("last run").keys("4").wait("read what is there");
    session.keys("p").wait("to create").wait("a month").wait("replication instance");
    session.keys("a").wait("Make the DMS side as planned?").keys("y");
    session.wait("Everything is there").wait("login works");
    session.keys("p").wait("Nothing to do: everything is as the pipeline file asks for");
    session.keys("5s").wait("streaming");
    account.source.run("postgres", "INSERT INTO chart VALUES (2001, 'new', true)").unwrap();
    session.keys("v").wait("Source and target are equal").keys("q");
    session.keys(" ").wait("paused: space lets it go on").keys(" ").wait_gone("paused: ").wait("dms · streaming");
    session.keys("xy").wait("not watched: the task goes on in AWS").keys("q");
    assert_eq!(session.end(), 0);
    assert_eq!(account.count("chart"), 1001);
}

#[test]
fn help_filter_resize_and_a_broken_file() {
    let source = support::source();
    let target = support::target(MyFlavor::MariaDb);
    let project = broken(&source, &target);
    let mut session = Session::start(&project, 120, 36);
    session.wait("last run").keys("?").wait("Keys: Overview").keys("q").wait_gone("Keys: Overview");
    session.keys("2/tls-001").wait("filter: tls-001").wait("plaintext-to-tls-only-source");
    session.keys("\x1b").wait_gone("filter: ");
    session.resize(50, 15).wait("too small").wait("It has 50×15");
    session.resize(60, 20).wait("TLS-001").resize(80, 24).wait("TLS-001");

    project.edit("[source]", "[sourse]");
    session.keys("1r").wait("cannot be used").wait("sourse");
    project.edit("[sourse]", "[source]");
    session.keys("r").wait_gone("cannot be used").wait("last run");
    session.keys("q");
    assert_eq!(session.end(), 0);
}

#[test]
fn the_terminal_is_given_back_on_signals_and_ctrl_c() {
    let source = support::source();
    let target = support::target(MyFlavor::MariaDb);
    let project = broken(&source, &target);
    for stop in ["TERM", "HUP", "key"] {
        let mut session = Session::start(&project, 80, 24);
        session.wait("cdc-doctor · test");
        match stop {
            "key" => {
                session.keys("\x03");
            }
            signal => session.signal(signal),
        }
        assert_eq!(session.end(), 0, "{stop}");
    }
}

#[test]
fn the_first_frame_does_not_wait_for_the_network() {
    let source = support::source();
    let target = support::target(MyFlavor::MariaDb);
    let project = broken(&source, &target);
    // It takes connections and never says a word.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    project.edit(&format!("port = {}", source.endpoint.port), &format!("port = {port}"));
    let mut session = Session::start(&project, 80, 24);
    session.wait(&format!(":{port}")).wait("Looking").keys("q");
    assert_eq!(session.end(), 0, "it leaves without waiting either");
}
