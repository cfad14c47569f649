//! Content from a seed, so that any range can be checked without the rest, and a digest of content.

/// Increment of the sequence behind the content (2⁶⁴ divided by the golden ratio, odd).
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A part of the content that a seed names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "plans are written down, field by field")]
pub struct Slice {
    /// Names the content.
    pub seed: u64,
    /// First byte.
    pub offset: u64,
    /// Length in bytes.
    pub len: u64,
}

impl Slice {
    /// A part of this part: `len` bytes (or what there is) from `start` on.
    pub fn part(self, start: u64, len: u64) -> Self {
        let start = start.min(self.len);
        Self { seed: self.seed, offset: self.offset + start, len: len.min(self.len - start) }
    }

    /// The bytes themselves. Make large content piece by piece with [`fill`].
    pub fn bytes(self) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(self.len).unwrap_or(usize::MAX)];
        fill(self.seed, self.offset, &mut bytes);
        bytes
    }

    /// The digest of the bytes, made without holding them.
    ///
    /// ```
    /// use bgsession_mock_server::{Slice, body};
    ///
    /// let slice = Slice { seed: 7, offset: 3, len: 100 };
    /// assert_eq!(slice.hash(), body::hash(&slice.bytes()));
    /// ```
    pub fn hash(self) -> u64 {
        let mut digest = Digest::new();
        let mut buffer = [0; 4096];
        let mut done = 0;
        while done < self.len {
            let piece = self.part(done, buffer.len() as u64);
            let filled = &mut buffer[..usize::try_from(piece.len).unwrap_or(4096)];
            fill(piece.seed, piece.offset, filled);
            digest.update(filled);
            done += piece.len;
        }
        digest.finish()
    }
}

/// Writes the content of `seed` that starts at `offset` over the whole of `buffer`.
///
/// ```
/// use bgsession_mock_server::body::fill;
///
/// let (mut whole, mut part) = ([0; 100], [0; 10]);
/// fill(7, 0, &mut whole);
/// fill(7, 42, &mut part);
/// assert_eq!(whole[42..52], part);
/// ```
pub fn fill(seed: u64, offset: u64, buffer: &mut [u8]) {
    let mut index = offset / 8;
    let skip = usize::from((offset % 8) as u8);
    let (head, rest) = buffer.split_at_mut(if skip == 0 { 0 } else { (8 - skip).min(buffer.len()) });
    if !head.is_empty() {
        head.copy_from_slice(&word(seed, index)[skip..skip + head.len()]);
        index += 1;
    }
    let mut words = rest.chunks_exact_mut(8);
    for chunk in &mut words {
        chunk.copy_from_slice(&word(seed, index));
        index = index.wrapping_add(1);
    }
    let tail = words.into_remainder();
    tail.copy_from_slice(&word(seed, index)[..tail.len()]);
}

/// The seed of one version of a resource.
pub(crate) fn content_seed(seed: u64, version: u64) -> u64 {
    mix(seed ^ mix(version.wrapping_mul(STEP)))
}

/// A bijection that leaves no pattern of its input visible.
pub(crate) fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

fn word(seed: u64, index: u64) -> [u8; 8] {
    mix(seed.wrapping_add(index.wrapping_add(1).wrapping_mul(STEP))).to_le_bytes()
}

/// A fast 64-bit digest of a stream of bytes, however it is cut into pieces.
///
/// Two streams of one length that differ within a single aligned group of 8 bytes always differ in the digest.
/// It is **not** cryptographic: it finds accidents, not forgeries.
///
/// ```
/// use bgsession_mock_server::body::{Digest, hash};
///
/// assert_eq!(Digest::new().update(b"hel").update(b"lo").finish(), hash(b"hello"));
/// ```
#[derive(Clone, Debug)]
pub struct Digest {
    state: u64,
    length: u64,
    /// The bytes after the last full group of 8.
    rest: [u8; 8],
}

impl Default for Digest {
    fn default() -> Self {
        Self::new()
    }
}

impl Digest {
    /// The digest of nothing so far.
    pub fn new() -> Self {
        Self { state: STEP, length: 0, rest: [0; 8] }
    }

    /// Takes in more bytes.
    pub fn update(&mut self, bytes: &[u8]) -> &mut Self {
        let held = usize::from((self.length % 8) as u8);
        self.length = self.length.wrapping_add(bytes.len() as u64);
        let mut bytes = bytes;
        if held > 0 {
            let (now, later) = bytes.split_at(bytes.len().min(8 - held));
            self.rest[held..held + now.len()].copy_from_slice(now);
            if held + now.len() < 8 {
                return self;
            }
            self.absorb(u64::from_le_bytes(self.rest));
            bytes = later;
        }
        let (words, tail) = bytes.as_chunks::<8>();
        for word in words {
            self.absorb(u64::from_le_bytes(*word));
        }
        self.rest[..tail.len()].copy_from_slice(tail);
        self
    }

    /// The digest of all bytes so far.
    pub fn finish(&self) -> u64 {
        let held = usize::from((self.length % 8) as u8);
        let mut last = [0; 8];
        last[..held].copy_from_slice(&self.rest[..held]);
        let mut end = self.clone();
        end.absorb(u64::from_le_bytes(last));
        mix(end.state ^ self.length.wrapping_mul(STEP))
    }

    fn absorb(&mut self, word: u64) {
        self.state = (self.state ^ word).wrapping_mul(STEP).rotate_left(29);
    }
}

/// The [`Digest`] of some bytes.
pub fn hash(bytes: &[u8]) -> u64 {
    Digest::new().update(bytes).finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::{Config, RngSeed};

    #[test]
    fn content_is_fixed_for_all_time() {
        let mut bytes = [0; 12];
        fill(0, 0, &mut bytes);
        // The first output of the SplitMix64 sequence of seed 0 is e220a8397b1dcdaf.
        assert_eq!(bytes[..8], 0xe220_a839_7b1d_cdaf_u64.to_le_bytes());
        assert_eq!(bytes[8..], 0x6e78_9e6a_a1b9_65f4_u64.to_le_bytes()[..4]);
    }

    #[test]
    fn versions_and_seeds_have_different_content() {
        let seeds = [content_seed(0, 0), content_seed(0, 1), content_seed(1, 0), content_seed(1, 1)];
        for (n, seed) in seeds.iter().enumerate() {
            assert!(!seeds[..n].contains(seed), "{n}");
        }
    }

    #[test]
    fn parts_stay_inside() {
        let slice = Slice { seed: 1, offset: 10, len: 5 };
        assert_eq!(slice.part(2, 100), Slice { seed: 1, offset: 12, len: 3 });
        assert_eq!(slice.part(9, 1), Slice { seed: 1, offset: 15, len: 0 });
    }

    proptest! {
        #![proptest_config(Config { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..Config::default() })]

        #[test]
        fn any_range_is_a_part_of_the_whole(seed: u64, start in 0usize..300, len in 0usize..300) {
            let whole = Slice { seed, offset: 0, len: 600 }.bytes();
            let part = Slice { seed, offset: start as u64, len: len as u64 }.bytes();
            prop_assert_eq!(&whole[start..start + len], &part[..]);
        }

        #[test]
        fn the_digest_does_not_depend_on_the_pieces(bytes: Vec<u8>, cuts: Vec<usize>) {
            let mut digest = Digest::new();
            let mut rest = &bytes[..];
            for cut in cuts {
                let (now, later) = rest.split_at(cut % (rest.len() + 1));
                digest.update(now);
                rest = later;
            }
            prop_assert_eq!(digest.update(rest).finish(), hash(&bytes));
        }

        #[test]
        fn one_changed_byte_changes_the_digest(mut bytes in prop::collection::vec(any::<u8>(), 1..64),
                                                at: usize, flip in 1u8..) {
            let before = hash(&bytes);
            let at = at % bytes.len();
            bytes[at] ^= flip;
            prop_assert_ne!(hash(&bytes), before);
        }
    }
}
