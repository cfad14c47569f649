//! The mock server's scripts.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bgsession_tests::readers::script(bytes));
