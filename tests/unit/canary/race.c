/*
 * tests/unit/canary/race.c: a data race on purpose. It is built with the tests but is none of them: make check-tsan
 * runs it first, and wants a report.
 */
#include <pthread.h>
#include <stddef.h>

static int counter;

static void *
count(void *arg)
{
	for (int i = 0; i < 1000; i++)
		counter++;
	return arg;
}

int
main(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, count, NULL) != 0)
		return 2;
	count(NULL);
	pthread_join(thread, NULL);
	return counter > 0 ? 0 : 1;
}
