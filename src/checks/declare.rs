//! The macro that declares a check and captures its doc comment as the explanation.

/// Declares `pub static CHECK: Check`. The doc comment above the fields is what `explain` prints; it has the
/// headings *What it looks at*, *Why it matters*, *How to fix it by hand* and *Source*.
macro_rules! check {
    (
        $(#[doc = $doc:literal])+
        code: $code:literal,
        name: $name:literal,
        area: $area:ident,
        severity: $severity:ident,
        title: $title:literal,
        after: [$($after:literal),* $(,)?],
    ) => {
        $(#[doc = $doc])+
        pub static CHECK: $crate::checks::Check = $crate::checks::Check {
            code: $code,
            name: $name,
            area: $crate::checks::Area::$area,
            severity: $crate::checks::Severity::$severity,
            title: $title,
            after: &[$($after),*],
            explanation: concat!($($doc, "\n"),+),
            judge,
        };
    };
}
