/* ctl/main.c: certctl's entry. */
int
main(void)
{
	return 0;
}
