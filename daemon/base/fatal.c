/* Not abort(): certd has no defect, and a core dump would not help. */
#include "daemon/base/fatal.h"

#include "common/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

noreturn void
fatal_errno(int errnum, const char *what)
{
	const char *advice = errnum == EMFILE || errnum == ENFILE ? "; raise the limit of open files (LimitNOFILE=)"
			     : errnum == EAGAIN                   ? "; raise the limit of tasks (TasksMax=)"
								  : "";

	fprintf(stderr, "certd: cannot %s: %s%s\n", what, strerror(errnum), advice);
	_exit(error_exit_status(ERROR_STATE));
}
