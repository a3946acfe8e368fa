// Included by files with coroutines: g++ 12 believes at -O1 and above that Asio's coroutine frames are freed by another
// function than the one that allocated them; both are Asio's.
#pragma once

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif
