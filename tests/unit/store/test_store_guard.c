/* Faults of the map: each test is a child that ends by one. */
#include "daemon/store/store_guard.h"

#include "common/alloc.h"
#include "common/error.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, OTHER_SEGV = 42, OTHER_BUS = 43, NO_FAULT = 1 };

static void
end_as_other(int signo)
{
	_exit(signo == SIGBUS ? OTHER_BUS : OTHER_SEGV);
}

/* @signo SIGSEGV: a page that must not be read. SIGBUS: a page of a file that ends before it. */
static volatile const char *
bad_page(int signo)
{
	FILE *file = tmpfile();

	return mmap(NULL, PAGE, signo == SIGBUS ? PROT_READ : PROT_NONE, MAP_PRIVATE, fileno(file), 0);
}

static void
look(void *page)
{
	(void)**(volatile const char **)page;
}

/* The exit status of a child that runs @fn; its stderr goes to @ret_text. */
static int
status_of(void (*fn)(int signo), int signo, char *ret_text, size_t size)
{
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		fn(signo);
		_exit(NO_FAULT);
	}
	close(fds[1]);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	n = read(fds[0], ret_text, size - 1);
	ret_text[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
fault_under_guard(int signo)
{
	volatile const char *page = bad_page(signo), *good = "x";

	store_guard_install();
	for (int i = 0; i < 3; i++)
		if (store_guard_run(look, &page) || !store_guard_run(look, &good))
			return;
	_exit(0);
}

static void
fault_of_another(int signo)
{
	struct sigaction other = { .sa_handler = end_as_other };
	volatile const char *page = bad_page(signo);

	sigaction(SIGSEGV, &other, NULL);
	sigaction(SIGBUS, &other, NULL);
	store_guard_install();
	store_guard_install(); /* by the next store */
	if (!store_guard_run(look, &page))
		look(&page);
}

static void
fault_while_writing(int signo)
{
	volatile const char *page = bad_page(signo);

	store_guard_install();
	store_guard_set_writing(true);
	look(&page);
}

static void
fault_after_writing(int signo)
{
	struct sigaction other = { .sa_handler = end_as_other };
	volatile const char *page = bad_page(signo);

	sigaction(signo, &other, NULL);
	store_guard_install();
	store_guard_set_writing(true);
	store_guard_set_writing(false);
	look(&page);
}

Test(store_guard, faults_are_an_answer_a_clear_end_or_left_to_who_had_the_signal)
{
	static const struct {
		const char *why;
		void (*fn)(int signo);
		int signo, status;
		const char *says;
	} cases[] = {
		{ "read under guard", fault_under_guard, SIGSEGV, 0, "" },
		{ "read under guard", fault_under_guard, SIGBUS, 0, "" },
		{ "of others", fault_of_another, SIGSEGV, OTHER_SEGV, "" },
		{ "of others", fault_of_another, SIGBUS, OTHER_BUS, "" },
		{ "write", fault_while_writing, SIGSEGV, 0, "certd: the store was damaged while certd was running" },
		{ "write", fault_while_writing, SIGBUS, 0, "certd: the store was damaged while certd was running" },
		{ "after a write", fault_after_writing, SIGSEGV, OTHER_SEGV, "" },
		{ "after a write", fault_after_writing, SIGBUS, OTHER_BUS, "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int wanted = *cases[i].says ? error_exit_status(ERROR_CORRUPT) : cases[i].status;
		char text[1024];

		cr_expect_eq(status_of(cases[i].fn, cases[i].signo, text, sizeof(text)), wanted, "%s, signal %d",
			cases[i].why, cases[i].signo);
		cr_expect_eq(strncmp(text, cases[i].says, strlen(cases[i].says)), 0, "%s: %s", cases[i].why, text);
	}
}
