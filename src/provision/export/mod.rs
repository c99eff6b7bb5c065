//! The plan as code for other tools. Pure.

mod cloudformation;
mod terraform;

use serde_json::Value;

pub use self::cloudformation::render as cloudformation;
pub use self::terraform::render as terraform;
use super::model::{Kind, Resource};
use super::plan::{Plan, wanted};

/// The roles that DMS looks for by name when it makes this resource, as far as the plan has them.
fn roles_before<'a>(plan: &'a Plan, resource: &Resource) -> impl Iterator<Item = &'a Resource> {
    let looks = matches!(resource.kind, Kind::SubnetGroup | Kind::Instance | Kind::Config);
    wanted(plan).filter(move |r| looks && r.kind == Kind::Role && r.shared)
}

/// The role of this ARN, where it is the plan's.
fn role_named<'a>(plan: &'a Plan, arn: &Value) -> Option<&'a Resource> {
    let name = arn.as_str()?.rsplit('/').next()?;
    wanted(plan).find(|r| r.kind == Kind::Role && r.name == name)
}
