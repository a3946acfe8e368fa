// Whether this program is compiled with a sanitizer, several times slower. What one finds in the first hours of a
// virtual day it need not look for in all of them: there long tests take a part of what they take otherwise.
#pragma once

namespace bamgate::testing {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace bamgate::testing
