/* tests/fuzz/directory.h: a directory of this process, for parsers that read files. It is removed at exit. */
#ifndef TESTS_FUZZ_DIRECTORY_H
#define TESTS_FUZZ_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>

/* Ends the process with abort() if it is not so. */
void
fuzz_expect(bool is_so);

/* Its descriptor, which is not to be closed, and its path. */
int
fuzz_directory(void);

const char *
fuzz_directory_path(void);

/* Writes or replaces the file @path below it; its directories are made. */
void
fuzz_put(const char *path, const void *data, size_t size);

#endif
