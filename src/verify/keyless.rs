//! Tables without a key: the number of rows and a checksum of all of them, as often as it takes to know.

use super::error::Broken;
use super::narrow::Digest;
use super::sides::Sides;
use super::statement::{Shape, Slice};
use super::tide::Tide;

/// How often a table that keeps changing is looked at.
const ROUNDS: usize = 5;

/// What came of a table without a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whole {
    /// The same rows on both sides.
    Equal,
    /// Other rows.
    Different,
    /// The source kept changing.
    Undecided,
}

/// Decides about a table whose digests differ at the first look.
pub(super) async fn decide(sides: &mut Sides, shape: &Shape, tide: Option<&Tide>) -> Result<Whole, Broken> {
    let (mut source, target) = look(sides, shape).await?;
    let Some(tide) = tide else {
        return Ok(if source == target { Whole::Equal } else { Whole::Different });
    };
    if source == target {
        return Ok(Whole::Equal);
    }
    for _ in 0..ROUNDS {
        let position = sides.position().await?;
        let follows = tide.reaches(sides, position).await?;
        let (now, target) = look(sides, shape).await?;
        if target == now || target == source {
            return Ok(Whole::Equal);
        }
        if now == source || !follows {
            return Ok(Whole::Different);
        }
        source = now;
    }
    Ok(Whole::Undecided)
}

/// Where equal values may print differently, the servers' checksums say nothing, and every value is looked at here.
async fn look(sides: &mut Sides, shape: &Shape) -> Result<(Digest, Digest), Broken> {
    if shape.loose() {
        return sides.values(shape).await;
    }
    let (source, target, _) = sides.digests(shape, &Slice::default()).await?;
    Ok((source, target))
}
