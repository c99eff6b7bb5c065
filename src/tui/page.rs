//! A text over the screen: how something ended, or all that there is to read. Pure.

/// One text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// What it is.
    pub title: String,
    /// Outside text is made safe where it is drawn. A sign at the beginning of a line gives it its colour.
    pub lines: Vec<String>,
    /// First line on the screen.
    pub scroll: usize,
}

impl Page {
    /// A page from its top.
    pub fn new(title: impl Into<String>, text: &str) -> Self {
        Self { title: title.into(), lines: text.trim_end().lines().map(str::to_owned).collect(), scroll: 0 }
    }
}
