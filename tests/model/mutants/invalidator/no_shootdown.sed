# nobody is shot at
/protocol_\.shoot(/d
