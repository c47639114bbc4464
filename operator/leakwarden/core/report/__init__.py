"""From findings, decisions and actions to words: messages, status, Events, annotations. Pure, and `steady`."""
