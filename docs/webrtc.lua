-- For Wireshark: what DTLS carries is SCTP, whatever the port, as WebRTC has it (RFC 8261). docs/lab-tools.md
DissectorTable.get("dtls.port"):add("1-65535", Dissector.get("sctp"))
