#include "tests/fuzz/directory.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[] = "/tmp/certd-fuzz-XXXXXX";
static int root_fd = -1;

void
fuzz_expect(bool is_so)
{
	if (!is_so)
		abort();
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static void
remove_all(void)
{
	nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int
fuzz_directory(void)
{
	if (root_fd < 0) {
		fuzz_expect(mkdtemp(root) != NULL);
		atexit(remove_all);
		root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	fuzz_expect(root_fd >= 0);
	return root_fd;
}

const char *
fuzz_directory_path(void)
{
	fuzz_directory();
	return root;
}

void
fuzz_put(const char *path, const void *data, size_t size)
{
	int dir = fuzz_directory();
	int fd;

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		char part[256] = "";

		fuzz_expect((size_t)(slash - path) < sizeof(part));
		memcpy(part, path, (size_t)(slash - path));
		mkdirat(dir, part, 0700);
	}
	fd = openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	fuzz_expect(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}
