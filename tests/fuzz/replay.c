/*
 * tests/fuzz/replay.c: main() of every fuzz harness in an ordinary build. It feeds the harness the committed
 * corpus of its parser, tests/fuzz/corpus/<parser>/ (the program is called fuzz-<parser>), so that `make check`
 * replays what fuzzing has found before. Files may be named as arguments instead. With --enable-fuzzing,
 * libFuzzer's main() takes this one's place.
 */
#include "common/alloc.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
replay_file(const char *path)
{
	_cleanup_free_ uint8_t *data = NULL;
	FILE *file = fopen(path, "rbe");
	long size;

	if (!file || fseek(file, 0, SEEK_END) < 0 || (size = ftell(file)) < 0)
		err(1, "%s", path);
	rewind(file);
	/* Exactly the size of the input, so that AddressSanitizer sees a read behind its end. */
	data = xmalloc((size_t)size ? (size_t)size : 1);
	if (fread(data, 1, (size_t)size, file) != (size_t)size)
		err(1, "%s", path);
	fclose(file);
	LLVMFuzzerTestOneInput(data, (size_t)size);
}

static int
replay_directory(const char *path)
{
	DIR *dir = opendir(path);
	int count = 0;

	if (!dir)
		err(1, "%s", path);
	for (const struct dirent *entry; (entry = readdir(dir));) {
		_cleanup_free_ char *file = xasprintf("%s/%s", path, entry->d_name);

		if (entry->d_name[0] == '.')
			continue;
		replay_file(file);
		count++;
	}
	closedir(dir);
	return count;
}

int
main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir"); /* set by automake's test driver */
	const char *parser = strstr(program_invocation_short_name, "fuzz-");
	_cleanup_free_ char *path = NULL;
	int count;

	for (int i = 1; i < argc; i++)
		replay_file(argv[i]);
	if (argc > 1)
		return 0;
	if (!parser)
		errx(1, "not called fuzz-<parser>");
	path = xasprintf("%s/tests/fuzz/corpus/%s", srcdir ? srcdir : ".", parser + strlen("fuzz-"));
	count = replay_directory(path);
	printf("%d inputs from %s\n", count, path);
	return count > 0 ? 0 : 1;
}
