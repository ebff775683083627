/*
 * Loses on purpose what its argument says, and ends with status 0: "memory", "descriptor" or "nothing". The gate of the
 * valgrind tests has to find it, or it would find nothing of certd's either.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "nothing";

	if (strcmp(what, "memory") == 0) {
		char *volatile lost = malloc(1234);

		lost = NULL;
		return lost != NULL;
	}
	if (strcmp(what, "descriptor") == 0)
		return open("/dev/null", O_RDONLY | O_CLOEXEC) < 0;
	return 0;
}
