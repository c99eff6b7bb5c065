//! Words that somebody looks for.

/// All of them must be somewhere, in any case.
#[derive(Debug, Default)]
pub struct Words(Vec<String>);

impl Words {
    /// The words of what was typed.
    pub fn new(text: &str) -> Self {
        Self(text.split_whitespace().map(str::to_lowercase).collect())
    }

    /// There are some.
    pub fn any(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether all are in the text.
    pub fn are_in(&self, text: &str) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let text = text.to_lowercase();
        self.0.iter().all(|word| text.contains(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_words_in_any_case() {
        assert!(Words::new("").are_in("") && !Words::new(" ").any());
        assert!(Words::new("Key tls").are_in("TLS and keys"));
        assert!(!Words::new("key tls").are_in("keys"));
    }
}
