//! The roles that DMS works with, and what they may.

use std::collections::BTreeSet;

use super::super::super::Fact;
use super::super::super::board::Board;
use super::super::dms_model::DmsFacts;
use super::super::iam;
use super::super::model::role_name;
use super::seen;
use crate::aws::Session;
use crate::pipeline::Dms;

/// The roles that DMS looks for, and those that the endpoints name.
pub(super) async fn roles(board: &Board<'_>, session: &Session, dms: &Dms, first: &DmsFacts) {
    let mut names: BTreeSet<String> = iam::ROLES.iter().map(|&r| r.to_owned()).collect();
    let (mut handed, mut secrets) = (BTreeSet::new(), BTreeSet::new());
    let own = [&dms.source_endpoint, &dms.target_endpoint].map(|name| first.endpoint(name).ok().flatten());
    for endpoint in own.into_iter().flatten() {
        let s3 = endpoint.s3.as_ref().and_then(|s| s.role.as_ref());
        handed.extend([endpoint.secret_role.as_ref(), s3].into_iter().flatten().cloned());
        secrets.extend(endpoint.secret.clone().zip(endpoint.secret_role.clone()));
    }
    names.extend(handed.iter().map(|arn| role_name(arn).to_owned()));
    let mut caller = Fact::pending();
    board.aws(|facts| caller = facts.caller.clone());
    // Without the endpoints it is not known which roles and secrets are theirs.
    let (not_passable, unreadable) = match (first.endpoints.known(), caller.known()) {
        (Err(why), _) => (Fact::Unknown(why.clone()), Fact::Unknown(why)),
        (Ok(_), caller) => {
            let not_passable = match caller {
                Ok(caller) => seen(iam::not_passable(session, caller, &handed).await),
                Err(why) => Fact::Unknown(why),
            };
            (not_passable, seen(iam::unreadable_secrets(session, &secrets).await))
        }
    };
    let roles = seen(iam::roles(session, &names).await);
    let s3_role_lacks = s3_role_lacks(session, dms, first).await;
    board.aws(|facts| {
        (facts.roles, facts.not_passable, facts.unreadable_secrets) = (roles, not_passable, unreadable);
        facts.s3_role_lacks = s3_role_lacks;
    });
}

async fn s3_role_lacks(session: &Session, dms: &Dms, first: &DmsFacts) -> Fact<Vec<String>> {
    let endpoint = match first.endpoint(&dms.target_endpoint) {
        Ok(endpoint) => endpoint,
        Err(why) => return Fact::Unknown(why),
    };
    let Some(s3) = endpoint.and_then(|e| e.s3.as_ref()) else { return Fact::Known(Vec::new()) };
    let task = first.task(dms).ok().flatten();
    let validates = task.and_then(|t| t.setting("/ValidationSettings/EnableValidation")) == Some(&true.into());
    seen(iam::s3_role_lacks(session, s3, validates || s3.glue_catalog).await)
}
