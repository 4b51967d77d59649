/* Loaded before the C library: the wall clock of one process, shifted by what a file says.
 *
 * The file holds a signed number of nanoseconds, eight bytes in the machine's order, and is mapped shared: whoever
 * writes to it moves the clock of a running process. Only the wall clock moves, as when an operator sets it; time that
 * only counts on (CLOCK_MONOTONIC) does not.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL

typedef int (*clock_function)(clockid_t, struct timespec *);

static _Atomic(clock_function) genuine;
static const volatile int64_t *shift;

__attribute__((constructor)) static void map_shift(void) {
    const char *path = getenv("CLOCK_SHIFT_FILE");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *page = mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (page != MAP_FAILED)
        shift = page;
}

int clock_gettime(clockid_t id, struct timespec *now) {
    clock_function next = genuine;
    if (!next)
        genuine = next = (clock_function)dlsym(RTLD_NEXT, "clock_gettime");
    int failed = next(id, now);
    if (failed || !shift || (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE))
        return failed;
    int64_t moved = (int64_t)now->tv_sec * SECOND + now->tv_nsec + *shift;
    now->tv_sec = moved / SECOND;
    now->tv_nsec = moved % SECOND;
    return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec moved;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &moved))
        return -1;
    now->tv_sec = moved.tv_sec;
    now->tv_usec = moved.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *out) {
    struct timespec moved;
    clock_gettime(CLOCK_REALTIME, &moved);
    if (out)
        *out = moved.tv_sec;
    return moved.tv_sec;
}
