//! Which key lies in which. Pure, on clean absolute paths.

/// The key itself, then the folders that it lies in, up to and with `/`.
pub fn ancestors(key: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(key), |inner| match inner.rfind('/') {
        _ if inner.len() <= 1 => None,
        Some(0) => inner.get(..1),
        Some(slash) => inner.get(..slash),
        None => None,
    })
}

/// What lies in a folder and is not it: every key with `lower < key && key < upper`, compared by
/// bytes. ('0' is the byte that follows '/'.)
#[must_use]
pub fn descendant_range(key: &str) -> (String, String) {
    let inside = if key == "/" { "" } else { key };
    (format!("{inside}/"), format!("{inside}0"))
}

/// Whether `key` is the folder `outer` or lies in it.
#[must_use]
pub fn is_within(key: &str, outer: &str) -> bool {
    match key.strip_prefix(outer) {
        Some(rest) => rest.is_empty() || rest.starts_with('/') || outer == "/",
        None => false,
    }
}
