//! The server's side of Digest authentication (RFC 7616, `qop=auth`).

use crate::body::mix;
use crate::log::Refusal;
use crate::request::Request;
use crate::script::{DigestAlgorithm, Login, Scheme};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// How many nonces have their uses remembered; the use of an older one counts as stale.
const REMEMBERED: usize = 256;

/// The nonces of one origin.
///
/// They are a counter and its check value, not random: the same requests must see the same answers every time.
/// So issuing needs no memory, however many challenges a client asks for; only *used* nonces are remembered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Nonces {
    issued: u64,
    used: BTreeMap<u64, Use>,
    /// Uses of nonces below this number are forgotten.
    oldest: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Use {
    times: u32,
    highest_count: u32,
}

impl Nonces {
    pub(crate) fn issue(&mut self) -> String {
        let number = self.issued;
        self.issued += 1;
        Self::spell(number)
    }

    fn spell(number: u64) -> String {
        format!("{number:08x}{:016x}", mix(!number))
    }

    /// The number of a nonce, if it is one of ours.
    fn number(&self, nonce: &str) -> Option<u64> {
        let number = nonce.get(..nonce.len().checked_sub(16)?)?;
        let number = u64::from_str_radix(number, 16).ok()?;
        (number < self.issued && Self::spell(number) == nonce).then_some(number)
    }

    fn take(&mut self, nonce: &str, count: u32, stale_after: Option<u32>) -> Result<(), Refusal> {
        let number = self.number(nonce).ok_or(Refusal::UnknownNonce)?;
        if number < self.oldest {
            return Err(Refusal::StaleNonce);
        }
        let so_far = self.used.entry(number).or_default();
        if count <= so_far.highest_count {
            return Err(Refusal::ReplayedCount);
        }
        so_far.highest_count = count;
        if stale_after.is_some_and(|most| so_far.times >= most) {
            return Err(Refusal::StaleNonce);
        }
        so_far.times = so_far.times.saturating_add(1);
        if self.used.len() > REMEMBERED
            && let Some((forgotten, _)) = self.used.pop_first()
        {
            self.oldest = forgotten + 1;
        }
        Ok(())
    }
}

/// The parameters of a Digest `Authorization` header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parameters<'a> {
    pub(crate) username: Cow<'a, str>,
    realm: Cow<'a, str>,
    nonce: Cow<'a, str>,
    uri: Cow<'a, str>,
    response: Cow<'a, str>,
    cnonce: Cow<'a, str>,
    nc: Cow<'a, str>,
    qop: Cow<'a, str>,
    /// Missing, so empty, means MD5.
    algorithm: Cow<'a, str>,
    opaque: Cow<'a, str>,
}

impl<'a> Parameters<'a> {
    /// Reads `name=value, name="value", …`. `None` if that is not what it is, or a parameter is there twice.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let mut found = Self::default();
        let mut seen = [false; 10];
        let mut rest = text.trim();
        while !rest.is_empty() {
            let (name, after) = rest.split_once('=')?;
            let (mut value, after) = value(after.trim_start())?;
            let mut name = name.trim();
            if name.eq_ignore_ascii_case("username*") {
                (name, value) = ("username", Cow::Owned(extended(&value)?));
            }
            if let Some((index, slot)) = found.slot(name) {
                if std::mem::replace(&mut seen[index], true) {
                    return None;
                }
                *slot = value;
            }
            rest = after.trim_start();
            if !rest.is_empty() {
                rest = rest.strip_prefix(',')?.trim_start();
            }
        }
        // The first eight must be there; `algorithm` and `opaque` may be missing.
        seen[..8].iter().all(|seen| *seen).then_some(found)
    }

    fn slot(&mut self, name: &str) -> Option<(usize, &mut Cow<'a, str>)> {
        let slots = [
            ("username", &mut self.username),
            ("realm", &mut self.realm),
            ("nonce", &mut self.nonce),
            ("uri", &mut self.uri),
            ("response", &mut self.response),
            ("cnonce", &mut self.cnonce),
            ("nc", &mut self.nc),
            ("qop", &mut self.qop),
            ("algorithm", &mut self.algorithm),
            ("opaque", &mut self.opaque),
        ];
        let (index, (_, slot)) =
            slots.into_iter().enumerate().find(|(_, (known, _))| known.eq_ignore_ascii_case(name))?;
        Some((index, slot))
    }
}

/// A token or a quoted string, and what follows it.
fn value(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let Some(inside) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return Some((Cow::Borrowed(&text[..end]), &text[end..]));
    };
    let mut unescaped = String::new();
    let mut plain_from = 0;
    let mut bytes = inside.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' if plain_from == 0 => return Some((Cow::Borrowed(&inside[..at]), &inside[at + 1..])),
            b'"' => {
                unescaped.push_str(&inside[plain_from..at]);
                return Some((Cow::Owned(unescaped), &inside[at + 1..]));
            }
            b'\\' => {
                unescaped.push_str(&inside[plain_from..at]);
                plain_from = at + 1;
                bytes.next()?;
            }
            _ => {}
        }
    }
    None
}

/// A value of RFC 5987, which RFC 7616 wants for user names beyond ASCII: `UTF-8''%C3%A4nn`.
fn extended(text: &str) -> Option<String> {
    let (charset, rest) = text.split_once('\'')?;
    let (_language, encoded) = rest.split_once('\'')?;
    if !charset.eq_ignore_ascii_case("utf-8") {
        return None;
    }
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut bytes = encoded.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(if byte == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            u8::try_from(digit()? * 16 + digit()?).ok()?
        } else {
            byte
        });
    }
    String::from_utf8(decoded).ok()
}

/// Judges a Digest header of a login that offers Digest.
pub(crate) fn check(
    login: &Login,
    nonces: &mut Nonces,
    request: &Request,
    sent: &Parameters<'_>,
) -> Result<(), Refusal> {
    let (algorithm, stale_after, opaque) = login
        .schemes
        .iter()
        .find_map(|scheme| match scheme {
            Scheme::Digest { realm, algorithm, stale_after, opaque }
                if sent.realm == *realm && names(&sent.algorithm, *algorithm) =>
            {
                Some((*algorithm, *stale_after, opaque))
            }
            Scheme::Digest { .. }
            | Scheme::Basic { .. }
            | Scheme::Bearer { .. }
            | Scheme::Negotiate
            | Scheme::Ntlm => None,
        })
        .ok_or(Refusal::NotOffered)?;
    let well_formed = sent.qop == "auth" && opaque.as_ref().is_none_or(|o| *o == sent.opaque);
    let count = (sent.nc.len() == 8).then(|| u32::from_str_radix(&sent.nc, 16).ok()).flatten();
    let (true, Some(count)) = (well_formed, count) else {
        return Err(Refusal::Malformed);
    };
    if sent.uri != request.target {
        return Err(Refusal::UriMismatch);
    }
    let expected = response(algorithm, login, &request.method, sent);
    if sent.username != login.user || !sent.response.eq_ignore_ascii_case(&expected) {
        return Err(Refusal::Wrong);
    }
    nonces.take(&sent.nonce, count, stale_after)
}

fn names(sent: &str, algorithm: DigestAlgorithm) -> bool {
    sent.eq_ignore_ascii_case(algorithm.name()) || sent.is_empty() && algorithm == DigestAlgorithm::Md5
}

fn response(algorithm: DigestAlgorithm, login: &Login, method: &str, sent: &Parameters<'_>) -> String {
    let hash = |parts: &[&str]| match algorithm {
        DigestAlgorithm::Md5 => hex(&joined::<md5::Md5>(parts)),
        DigestAlgorithm::Sha256 => hex(&joined::<sha2::Sha256>(parts)),
    };
    let secret = hash(&[&login.user, &sent.realm, &login.password]);
    let subject = hash(&[method, &sent.uri]);
    hash(&[&secret, &sent.nonce, &sent.nc, &sent.cnonce, &sent.qop, &subject])
}

/// The hash of the parts with colons between them.
fn joined<H: sha2::Digest>(parts: &[&str]) -> sha2::digest::Output<H> {
    let mut hash = H::new();
    for (n, part) in parts.iter().enumerate() {
        if n > 0 {
            hash.update(b":");
        }
        hash.update(part);
    }
    hash.finalize()
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

#[cfg(test)]
#[path = "digest_tests.rs"]
mod tests;
