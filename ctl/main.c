/* ctl/main.c: certctl's entry. */
#include "ctl/command/ctl_run.h"

#include <locale.h>

int
main(int argc, char **argv)
{
	struct ctl ctl;
	int status;

	setlocale(LC_CTYPE, ""); /* the width of characters; numbers and dates stay as they are */
	ctl_init(&ctl);
	status = ctl_run(&ctl, argc, argv);
	ctl_clear(&ctl);
	return status;
}
