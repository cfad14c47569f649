//! Header fields of answers, addresses, resume data.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bgsession_reference::service::any_bytes::read(bytes));
