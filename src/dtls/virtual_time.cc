#include "dtls/virtual_time.h"

#include <ctime>

namespace bamgate::dtls {
namespace {

thread_local std::optional<UnixTime> current;

}  // namespace

VirtualTime::VirtualTime(UnixTime now) : previous_(current) { current = now; }

VirtualTime::~VirtualTime() { current = previous_; }

}  // namespace bamgate::dtls

// The linker gives these names their meaning (ld, --wrap): calls of time() come to the first, the second is libc's.
extern "C" std::time_t __real_time(std::time_t* out);
extern "C" std::time_t __wrap_time(std::time_t* out);

extern "C" std::time_t __wrap_time(std::time_t* out) {
  if (!bamgate::dtls::current) return __real_time(out);
  const auto now = static_cast<std::time_t>(bamgate::dtls::current->seconds);
  if (out != nullptr) *out = now;
  return now;
}
