//! What an app keeps of a download that it cancelled: a small versioned text.

use super::address::Origin;
use super::ranges::Validator;
use crate::contract::{FilePath, ResumeData, SessionError};

/// The first line: bump the number when the meaning of a line changes.
const VERSION: &str = "bgsession resume data 1";
/// Where this service keeps its parts; anything else in resume data was not written by it.
pub(super) const FOLDER: &str = "bgsession/";

/// Where a download can go on.
///
/// The request's header fields are not in it: they may carry credentials, and the app may store these bytes anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ResumePoint {
    pub(super) url: String,
    pub(super) validator: Validator,
    pub(super) received: u64,
    pub(super) total: Option<u64>,
    pub(super) file: FilePath,
}

impl ResumePoint {
    /// For the app to keep.
    pub(super) fn to_data(&self) -> ResumeData {
        let kind = match self.validator {
            Validator::Tag(_) => "tag",
            Validator::Date(_) => "date",
        };
        let total = self.total.map_or_else(|| "*".to_owned(), |total| total.to_string());
        let text = format!(
            "{VERSION}\nurl {}\n{kind} {}\nreceived {}\ntotal {total}\nfile {}\n",
            self.url,
            self.validator.as_str(),
            self.received,
            self.file
        );
        ResumeData::from_bytes(text.into_bytes())
    }

    /// From what the app kept.
    ///
    /// # Errors
    ///
    /// [`SessionError::BadResumeData`] says what is wrong with it.
    pub(super) fn parse(data: &ResumeData) -> Result<Self, SessionError> {
        Self::read(data).map_err(|reason| SessionError::BadResumeData { reason })
    }

    fn read(data: &ResumeData) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(data.as_bytes()).map_err(|_| "not text")?;
        let mut lines = text.lines();
        if lines.next() != Some(VERSION) {
            return Err("not of this service, or of another version of it");
        }
        let mut line = || lines.next().and_then(|line| line.split_once(' ')).ok_or("a line is missing");
        let field = |(name, value): (&str, &str), wanted: &str| {
            if name == wanted { Ok(value.to_owned()) } else { Err("a line is not what it should be") }
        };
        let url = field(line()?, "url")?;
        let validator = match line()? {
            ("tag", tag) => Validator::Tag(tag.to_owned()),
            ("date", date) => Validator::Date(date.to_owned()),
            _ => return Err("a line is not what it should be"),
        };
        let received = field(line()?, "received")?.parse().map_err(|_| "the offset is no number")?;
        let total = match field(line()?, "total")?.as_str() {
            "*" => None,
            number => Some(number.parse().map_err(|_| "the length is no number")?),
        };
        let file = field(line()?, "file")?;
        if Origin::of(&url).is_none() {
            return Err("the address is not http or https");
        }
        // The bytes have been in the app's hands: they must not name any other file of the device's.
        if !file.starts_with(FOLDER) || file.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err("the file is not one of this service's");
        }
        Ok(Self { url, validator, received, total, file: FilePath::new(file) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point() -> ResumePoint {
        ResumePoint {
            url: "http://a.test/x".into(),
            validator: Validator::Tag("\"v 1\"".into()),
            received: 5,
            total: Some(9),
            file: FilePath::new("bgsession/1/2.part"),
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let without_total = ResumePoint { total: None, validator: Validator::Date("Tue".into()), ..point() };
        for point in [point(), without_total] {
            assert_eq!(ResumePoint::parse(&point.to_data()).unwrap(), point);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let good = String::from_utf8(point().to_data().as_bytes().to_vec()).unwrap();
        let broken = [
            String::new(),
            "\u{fffd}".into(),
            good.replace("data 1", "data 2"),
            good.replace("received 5", "received five"),
            good.replace("tag ", "tags "),
            good.replace("http:", "ftp:"),
            good.replace("bgsession/1", "elsewhere/1"),
            good.replace("1/2.part", "../x"),
            good.lines().take(3).collect::<Vec<_>>().join("\n"),
        ];
        for text in broken {
            let data = ResumeData::from_bytes(text.clone().into_bytes());
            assert!(matches!(ResumePoint::parse(&data), Err(SessionError::BadResumeData { .. })), "{text}");
        }
        assert!(ResumePoint::parse(&ResumeData::from_bytes([0xff, 0xfe])).is_err());
    }
}
