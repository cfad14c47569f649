//! How names are shown.

/// A long identifier, cut in the middle.
pub(crate) fn short(text: &str) -> String {
    const MOST: usize = 18;
    let count = text.chars().count();
    if count <= MOST {
        return text.to_owned();
    }
    let head: String = text.chars().take(8).collect();
    let tail: String = text.chars().skip(count - 8).collect();
    format!("{head}…{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_identifier_is_cut_in_the_middle() {
        assert_eq!(short("com.example.downloads"), "com.exam…ownloads");
        assert_eq!(short("short"), "short");
    }
}
