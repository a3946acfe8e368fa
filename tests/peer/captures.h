// Session descriptions as other implementations wrote them: Chromium 156, Firefox 153 and aiortc 1.4, each the offer of
// a connection with one data channel and the answer to it.
#pragma once

#include <string_view>

namespace bamgate::peer::testing {

inline constexpr std::string_view kChromiumOffer =
    "v=0\r\n"
    "o=- 2918085132886082735 2 IN IP4 127.0.0.1\r\n"
    "s=-\r\n"
    "t=0 0\r\n"
    "a=group:BUNDLE 0\r\n"
    "a=extmap-allow-mixed\r\n"
    "a=msid-semantic: WMS\r\n"
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
    "c=IN IP4 0.0.0.0\r\n"
    "a=candidate:3597737920 1 udp 2113937151 6fe82a1a-87fd-4d51-9833-8b607cf649a2.local 36830 typ host generation 0 "
    "network-cost 999\r\n"
    "a=candidate:488103456 1 udp 2113942271 28c526dc-3e7a-497f-9a28-dc99e79f77ba.local 37355 typ host generation 0 "
    "network-cost 999\r\n"
    "a=ice-ufrag:tNid\r\n"
    "a=ice-pwd:nvI8pgZd/9rvJt0ztAPu6vcn\r\n"
    "a=ice-options:trickle\r\n"
    "a=fingerprint:sha-256 02:8A:7E:EB:29:A0:A1:44:C0:46:FF:20:3D:38:0A:F8:9B:B6:D9:0E:77:87:42:5E:07:6F:E6:DD:88:38:"
    "66:01\r\n"
    "a=setup:actpass\r\n"
    "a=mid:0\r\n"
    "a=sctp-port:5000\r\n"
    "a=max-message-size:262144\r\n";

inline constexpr std::string_view kChromiumAnswer =
    "v=0\r\n"
    "o=- 8822124728892186024 2 IN IP4 127.0.0.1\r\n"
    "s=-\r\n"
    "t=0 0\r\n"
    "a=group:BUNDLE 0\r\n"
    "a=extmap-allow-mixed\r\n"
    "a=msid-semantic: WMS\r\n"
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
    "c=IN IP4 0.0.0.0\r\n"
    "a=ice-ufrag:dU2y\r\n"
    "a=ice-pwd:d09eEt1J+FCTmPxxxtoOMCMj\r\n"
    "a=ice-options:trickle\r\n"
    "a=fingerprint:sha-256 FF:0D:9F:D6:6A:E3:CC:51:24:43:30:C7:17:1E:12:C8:53:3C:CE:DA:C7:A7:7B:31:57:A0:02:CE:1D:13:"
    "FF:8E\r\n"
    "a=setup:active\r\n"
    "a=mid:0\r\n"
    "a=sctp-port:5000\r\n"
    "a=max-message-size:262144\r\n";

inline constexpr std::string_view kFirefoxOffer =
    "v=0\r\n"
    "o=mozilla...THIS_IS_SDPARTA-99.0 1938150730144393488 0 IN IP4 0.0.0.0\r\n"
    "s=-\r\n"
    "t=0 0\r\n"
    "a=sendrecv\r\n"
    "a=fingerprint:sha-256 65:8A:00:37:21:05:3B:DE:2C:4F:9A:E0:3D:89:CD:8E:05:EE:73:36:DB:41:40:03:9D:72:5A:19:36:C6:"
    "19:C3\r\n"
    "a=group:BUNDLE 0\r\n"
    "a=ice-options:trickle\r\n"
    "a=msid-semantic:WMS *\r\n"
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
    "c=IN IP4 0.0.0.0\r\n"
    "a=candidate:0 1 UDP 2122187007 5a6f48e9-47da-4938-acb2-33b66bf8f4a5.local 33721 typ host\r\n"
    "a=candidate:1 1 UDP 2122252543 f271d92a-f651-40ef-b1f3-9d5c3edc3473.local 38178 typ host\r\n"
    "a=candidate:2 1 TCP 2105458943 5a6f48e9-47da-4938-acb2-33b66bf8f4a5.local 9 typ host tcptype active\r\n"
    "a=candidate:3 1 TCP 2105524479 f271d92a-f651-40ef-b1f3-9d5c3edc3473.local 9 typ host tcptype active\r\n"
    "a=sendrecv\r\n"
    "a=end-of-candidates\r\n"
    "a=ice-pwd:9e017206de3c3144dddd9542355d115d\r\n"
    "a=ice-ufrag:dbd176b9\r\n"
    "a=mid:0\r\n"
    "a=setup:actpass\r\n"
    "a=sctp-port:5000\r\n"
    "a=max-message-size:1073741823\r\n";

inline constexpr std::string_view kFirefoxAnswer =
    "v=0\r\n"
    "o=mozilla...THIS_IS_SDPARTA-99.0 8623216238787318872 0 IN IP4 0.0.0.0\r\n"
    "s=-\r\n"
    "t=0 0\r\n"
    "a=fingerprint:sha-256 DC:32:0D:03:C0:A7:70:9B:ED:4A:E3:59:DD:99:4B:45:20:31:D3:E3:83:C3:23:4A:90:23:01:76:A3:E5:"
    "3A:45\r\n"
    "a=group:BUNDLE 0\r\n"
    "a=ice-options:trickle\r\n"
    "a=msid-semantic:WMS *\r\n"
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
    "c=IN IP4 0.0.0.0\r\n"
    "a=sendrecv\r\n"
    "a=ice-pwd:71210749e17fa72e7788335902f5d0f8\r\n"
    "a=ice-ufrag:33383552\r\n"
    "a=mid:0\r\n"
    "a=setup:active\r\n"
    "a=sctp-port:5000\r\n"
    "a=max-message-size:1073741823\r\n";

// The form from before RFC 8841.
inline constexpr std::string_view kAiortcOffer =
    "v=0\r\n"
    "o=- 4004238571 4004238571 IN IP4 0.0.0.0\r\n"
    "s=-\r\n"
    "t=0 0\r\n"
    "a=group:BUNDLE 0\r\n"
    "a=msid-semantic:WMS *\r\n"
    "m=application 48319 DTLS/SCTP 5000\r\n"
    "c=IN IP4 192.0.2.2\r\n"
    "a=mid:0\r\n"
    "a=sctpmap:5000 webrtc-datachannel 65535\r\n"
    "a=max-message-size:65536\r\n"
    "a=candidate:f957a2332b1715da3b0ef8ba684454eb 1 udp 2130706431 192.0.2.2 48319 typ host\r\n"
    "a=candidate:d0bcf3d9c29a2bc887618212a1623bfa 1 udp 2130706431 fd00::2 52811 typ host\r\n"
    "a=end-of-candidates\r\n"
    "a=ice-ufrag:eYlN\r\n"
    "a=ice-pwd:pnHWpKAlJQcImHhC4g5XPE\r\n"
    "a=fingerprint:sha-256 AD:BE:6F:60:39:79:3E:6D:56:3F:F7:FD:1B:21:96:FF:82:F3:19:09:2A:6F:22:C3:71:21:8B:21:B0:A5:"
    "37:B2\r\n"
    "a=setup:actpass\r\n";

inline constexpr std::string_view kAiortcAnswer =
    "v=0\r\n"
    "o=- 4004238856 4004238856 IN IP4 0.0.0.0\r\n"
    "s=-\r\n"
    "t=0 0\r\n"
    "a=group:BUNDLE 0\r\n"
    "a=msid-semantic:WMS *\r\n"
    "m=application 60048 UDP/DTLS/SCTP webrtc-datachannel\r\n"
    "c=IN IP4 192.0.2.2\r\n"
    "a=mid:0\r\n"
    "a=sctp-port:5000\r\n"
    "a=max-message-size:65536\r\n"
    "a=candidate:f957a2332b1715da3b0ef8ba684454eb 1 udp 2130706431 192.0.2.2 60048 typ host\r\n"
    "a=candidate:d0bcf3d9c29a2bc887618212a1623bfa 1 udp 2130706431 fd00::2 43503 typ host\r\n"
    "a=end-of-candidates\r\n"
    "a=ice-ufrag:8Qfe\r\n"
    "a=ice-pwd:ZkmDv6TaJyfWVeTMrRW7U4\r\n"
    "a=fingerprint:sha-256 C7:DE:6D:6B:BC:FC:59:C2:A8:FB:A4:27:01:BB:00:64:DD:AC:71:DE:70:EB:68:8C:78:F7:FB:DE:D5:F1:"
    "44:60\r\n"
    "a=setup:active\r\n";

}  // namespace bamgate::peer::testing
