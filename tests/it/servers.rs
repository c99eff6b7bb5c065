//! The throw-away servers themselves.

use cdc_doctor::facts::MyFlavor;
use cdc_doctor::lab::servers::{MySqlOptions, MySqlServer, Postgres, PostgresOptions};
use mysql_async::prelude::Queryable;

#[test]
fn quick_look() {
    let t = std::time::Instant::now();
    let pg = Postgres::start(&PostgresOptions::default()).unwrap();
    eprintln!("pg {:?} {}", t.elapsed(), pg.port());
    pg.run("postgres", "create table a (b int)").unwrap();
    pg.kill();
    pg.restart().unwrap();
    pg.run("postgres", "insert into a values (1)").unwrap();
    let home = pg.home().path().to_owned();
    drop(pg);
    assert!(!home.exists());
    for flavor in [MyFlavor::MariaDb, MyFlavor::MySql] {
        let t = std::time::Instant::now();
        let my = MySqlServer::start(&MySqlOptions::new(flavor)).unwrap();
        eprintln!("{flavor:?} {:?} {}", t.elapsed(), my.port());
        my.run(None, "create database x; create table x.a (b int); insert into x.a values (1)").unwrap();
        my.kill();
        my.restart().unwrap();
        let t = std::time::Instant::now();
        my.stop();
        my.restart().unwrap();
        eprintln!("{flavor:?} stop+start {:?} {}", t.elapsed(), my.port());
        let rt = tokio::runtime::Runtime::new().unwrap();
        rt.block_on(async {
            let mut c = my.conn(Some("x")).await.unwrap();
            let v: Vec<(String, String)> =
                c.query("select user, concat(host,' ',plugin) from mysql.user").await.unwrap();
            eprintln!("{v:?}");
            let v: Option<(String, String)> = c.query_first("show status like 'Ssl_version'").await.unwrap();
            eprintln!("{v:?}");
            c.disconnect().await.unwrap();
        });
        let home = my.home().path().to_owned();
        let t = std::time::Instant::now();
        drop(my);
        eprintln!("drop {:?}", t.elapsed());
        assert!(!home.exists());
    }
}
