/* The time of day is wrong: preloaded, SHIM_CLOCK_AHEAD_S moves it by so many seconds, and under SHIM_CLOCK_RATE it runs so
 * many times as fast from the program's start on. Clocks that nobody sets are left as they are. */

#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NANO 1000000000LL

static long long ahead_s, rate = 1, began;

static long long nanos(const struct timespec *at) { return at->tv_sec * NANO + at->tv_nsec; }

__attribute__((constructor)) static void begin(void) {
    struct timespec now;
    const char *ahead = getenv("SHIM_CLOCK_AHEAD_S"), *fast = getenv("SHIM_CLOCK_RATE");
    if (ahead) ahead_s = atoll(ahead);
    if (fast) rate = atoll(fast);
    if (syscall(SYS_clock_gettime, CLOCK_REALTIME, &now) == 0) began = nanos(&now);
}

int clock_gettime(clockid_t which, struct timespec *at) {
    int failed = (int)syscall(SYS_clock_gettime, which, at);
    if (failed || which != CLOCK_REALTIME || !began) return failed;
    long long shown = began + (nanos(at) - began) * rate + ahead_s * NANO;
    at->tv_sec = shown / NANO;
    at->tv_nsec = shown % NANO;
    return 0;
}
