/*
 * LMDB trusts its pages: they have no checksum, and one damaged bit in a page's offsets can lead it to an address that
 * is not there. What is read of the map is therefore read under a guard that makes a fault the answer "damaged". Only
 * reads: a write that meets such a page may have spoilt memory already, and must end the process.
 *
 * A signal handler has no argument, hence the two variables at file scope, the only ones of the daemon.
 */
#include "daemon/store/store_guard.h"

#include <setjmp.h>
#include <signal.h>
#include <stddef.h>

static _Thread_local sigjmp_buf *volatile guarded; /* where to go on; NULL: nothing is guarded */
static struct sigaction before[2];                 /* SIGSEGV, SIGBUS */

void
store_guard_leave(void)
{
	if (guarded)
		siglongjmp(*guarded, 1);
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
