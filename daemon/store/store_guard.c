/*
 * LMDB trusts its pages: they have no checksum, and a damaged bit in a page's offsets can lead to an invalid address.
 * Reads of the map therefore run under a guard that turns a fault into the answer "damaged". Only reads: a write that
 * reaches such a page may have corrupted memory already, and ends the process.
 *
 * A signal handler has no argument, hence the variables at file scope, the only ones of the daemon.
 */
#include "daemon/store/store_guard.h"

#include "common/error.h"
#include "daemon/store/store.h"

#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static _Thread_local sigjmp_buf *volatile guarded; /* where to go on; NULL: nothing is guarded */
static _Thread_local volatile sig_atomic_t is_writing_now;
static struct sigaction before[2]; /* SIGSEGV, SIGBUS */

/* In a signal handler: no more than write() and _exit(). */
static void
end_writing(void)
{
	static const char text[] =
		"certd: the store was damaged while certd was running, and cannot be written; " STORE_DAMAGE_ADVICE
		"\n";

	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0) {
		/* stderr is closed */
	}
	_exit(error_exit_status(ERROR_CORRUPT));
}

void
store_guard_leave(void)
{
	if (guarded)
		siglongjmp(*guarded, 1);
	if (is_writing_now)
		end_writing();
}

void
store_guard_set_writing(bool is_writing)
{
	is_writing_now = is_writing;
}

/* Not ours: the instruction runs into the same fault again, under the earlier action. */
static void
on_fault(int signo)
{
	store_guard_leave();
	sigaction(signo, &before[signo == SIGBUS], NULL);
}

static void
take_over(int signo)
{
	/* SA_NODEFER: leaving by siglongjmp() does not restore the mask. */
	struct sigaction ours = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };
	struct sigaction now;

	sigemptyset(&ours.sa_mask);
	if (sigaction(signo, NULL, &now) < 0 || now.sa_handler == on_fault)
		return;
	before[signo == SIGBUS] = now;
	sigaction(signo, &ours, NULL);
}

void
store_guard_install(void)
{
	take_over(SIGSEGV);
	take_over(SIGBUS);
}

bool
store_guard_run(void (*fn)(void *arg), void *arg)
{
	sigjmp_buf here;

	if (sigsetjmp(here, 0)) {
		guarded = NULL;
		return false;
	}
	guarded = &here;
	fn(arg);
	guarded = NULL;
	return true;
}
