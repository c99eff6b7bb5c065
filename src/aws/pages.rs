//! Lists that come in pages.

use std::future::Future;

use super::Error;

/// No list that is asked for here is longer; a service that hands out pages for ever is stopped by it.
const MOST_PAGES: usize = 1000;

/// All items of a list. `page` fetches one page, the first with `None`, and gives its items and the marker of the
/// next. A list of which the service says that nothing was found is empty.
///
/// # Errors
/// The first page that could not be had.
pub async fn pages<T, F, Fut>(mut page: F) -> Result<Vec<T>, Error>
where
    F: FnMut(Option<String>) -> Fut,
    Fut: Future<Output = Result<(Vec<T>, Option<String>), Error>>,
{
    let mut all = Vec::new();
    let mut marker = None;
    for _ in 0..MOST_PAGES {
        let (items, next) = match Box::pin(page(marker.clone())).await {
            Err(error) if error.is_not_found() => return Ok(all),
            answer => answer?,
        };
        all.extend(items);
        match next.filter(|next| !next.is_empty() && marker.as_ref() != Some(next)) {
            Some(next) => marker = Some(next),
            None => break,
        }
    }
    Ok(all)
}
