# True when the input has the form that `bamgate status --json` promises for a connected device.
def text: type == "string" and length > 0;
def number: type == "number";
def key: text and test("^[A-Za-z0-9+/]{43}=$");
def candidate: text and test("^(host|srflx|prflx|relay) \\S+:[0-9]+ udp$");
def peer:
  (.id | text) and (.address | test("^[0-9.]+/[0-9]+$")) and (.address6 | test("^[0-9a-f:]+/64$")) and (.public_key | key)
  and (.state as $state | ["new", "connecting", "connected", "reconnecting", "failed"] | index($state) != null)
  and (.transport as $transport | ["datachannel", "bare"] | index($transport) != null)
  and (.path as $path | ["direct", "relayed"] | index($path) != null)
  and (.why_relayed == null or (.why_relayed | text))
  and (.ice.local | candidate) and (.ice.remote | candidate) and (.ice.rtt_ms | number)
  and (.wireguard.last_handshake_s | number) and .wireguard.rx_bytes > 0 and .wireguard.tx_bytes > 0
  and (.connected_s | number) and (.routes | type == "array");

(.device.name | text) and (.device.address | test("^[0-9.]+/[0-9]+$")) and (.device.address6 | test("^[0-9a-f:]+/64$"))
and (.device.public_key | key) and (.device.interface | text) and .device.mtu >= 1280
and .device.trouble == null
and (.hub.url | startswith("https://")) and .hub.connected == true and .uptime_s > 0
and (.peers | type == "array" and length > 0 and all(.[]; peer))
and (.counters | type == "object" and length > 90 and all(.[]; type == "number") and .udp_sent > 0 and has("tun_write_failures"))
