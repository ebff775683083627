/* daemon/main.c: certd's entry; everything is in libcertd. */
int
main(void)
{
	return 0;
}
