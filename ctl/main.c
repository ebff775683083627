/* ctl/main.c: certctl's entry. */
#include "ctl/command/ctl_run.h"

int
main(int argc, char **argv)
{
	struct ctl ctl;
	int status;

	ctl_init(&ctl);
	status = ctl_run(&ctl, argc, argv);
	ctl_clear(&ctl);
	return status;
}
