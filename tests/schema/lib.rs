//! Nothing but its test: the JSON Schema and the page of the log format say what the types say.
