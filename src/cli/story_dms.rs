//! The story through AWS DMS, on the simulated account: the same faults, and the DMS side made, used and taken away.

use super::story::{AFTER, act, look, must_be_equal, must_be_healthy, must_fail, sync_while_somebody_writes, write};
use super::{Answer, Context, Failure, fix, provision, sync, verify};

/// Plays the story on the pipeline file of `context`, which names the simulation.
pub(crate) async fn play(context: &Context) -> Result<Answer, Failure> {
    println!(
        "AWS is simulated here: RDS and DMS are this program's own imitation on two real database servers of this \
         machine, and nothing leaves it."
    );
    repair(context).await?;
    move_rows(context).await?;
    act("12. The DMS side goes again; it costs as long as it is there.", "cdc-doctor provision destroy --yes");
    provision::run(provision::Args::destroy(), context).await?;
    println!(
        "\nThe story ends well, on a simulated AWS: the pitfalls found and fixed, the DMS side made from the plan, every \
         row there, every change followed, and nothing left behind."
    );
    Ok(Answer::Done)
}

/// Up to a pipeline that can be provisioned.
async fn repair(context: &Context) -> Result<(), Failure> {
    act(
        "1. The pipeline as it was built: RDS demands TLS, and the name in the file is the instance's, not a database's.",
        "cdc-doctor check",
    );
    let report = look(context).await?;
    must_fail(&report, &["TLS-001", "AUT-005"])?;

    act("2. Both are mended in the pipeline file.", "cdc-doctor fix --yes TLS-001 AUT-005");
    fix::run(fix::Args::yes(&["TLS-001", "AUT-005"]), context).await?;

    act(
        "3. Now the databases can be seen: RDS does not write what DMS would read, and the tables have no keys.",
        "cdc-doctor check",
    );
    let report = look(context).await?;
    must_fail(&report, &["SRC-001", "TBL-001", "TBL-006"])?;

    act(
        "4. DMS takes a text for a large object, and replicates no table whose key is one: the key gets a length, by hand.",
        "psql",
    );
    write(context, &["ALTER TABLE \"Länder・国\" ALTER COLUMN \"Ländercode\" TYPE varchar(200)"]).await?;

    act(
        "5. A parameter group of its own with rds.logical_replication, a reboot, the keys, the table that belongs to them.",
        "cdc-doctor fix --yes --allow-reboot --allow-data-loss",
    );
    fix::run(fix::Args::yes(&[]).with_data_loss().with_reboot(), context).await.map(drop)
}

/// The DMS side, and what it is for.
async fn move_rows(context: &Context) -> Result<(), Failure> {
    act("6. What has to be made in AWS, with every value, and what it costs.", "cdc-doctor provision plan");
    provision::run(provision::Args::plan(), context).await?;

    act("7. It is made; both logins are tested from the replication instance.", "cdc-doctor provision apply --yes");
    provision::run(provision::Args::apply(), context).await?;

    act(
        "8. DMS moves the rows and follows the changes: somebody writes to the source while it is watched. The target \
         still holds what the broken pipeline left, so it is emptied first, which must be asked for.",
        "cdc-doctor sync --truncate-target",
    );
    sync_while_somebody_writes(context).await?;

    act("9. The cut-over: what was written since, and then the task is stopped.", "cdc-doctor sync --until-caught-up");
    write(context, AFTER).await?;
    sync::run(sync::Args::until_caught_up(), context).await?;

    act("10. Did every row arrive, unchanged?", "cdc-doctor verify");
    must_be_equal(verify::run(verify::Args::all(), context).await?)?;

    act("11. The pipeline as it is now.", "cdc-doctor check");
    must_be_healthy(&look(context).await?)
}
