//! STS: who asks.

use super::convert::text;
use super::model::Caller;
use crate::aws::{Error, Session};

/// The caller. The call needs no permission, so its failure tells about credentials and the way to AWS.
pub(super) async fn caller(session: &Session) -> Result<Caller, Error> {
    let send = session.sts().get_caller_identity().send();
    let who = session.call("sts:GetCallerIdentity", send).await?;
    Ok(Caller {
        account: text(who.account()),
        arn: text(who.arn()),
        region: session.aws().region.clone(),
        until: session.credentials_until().await,
    })
}
