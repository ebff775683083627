# Benchmarks: not tests, they only tell. `make bench-issue BENCHFLAGS='--count 1,10 --rounds 3 --json'`; they need root and
# the peers (Debian: caddy apache2 libapache2-mod-md lego uacme certbot dehydrated pebble).
check_PROGRAMS += bench-fill bench-echo bench-floor bench-load
bench_fill_SOURCES = tests/bench/fill.c tests/unit/common/crypto/mini_ca.c tests/unit/common/crypto/mini_ca.h
bench_fill_LDADD = $(DAEMON_LIBS)
bench_echo_SOURCES = tests/bench/echo.c
bench_echo_LDADD = $(EVENT_LIBS)
bench_floor_SOURCES = tests/bench/floor.c
bench_floor_LDADD = $(COMMON_LIBS) $(CURL_LIBS)
bench_load_SOURCES = tests/bench/load.c

BENCHMARKS = bench-attack bench-issue bench-idle bench-probe bench-ready bench-rpc bench-scrape
$(BENCHMARKS): all
	@$(MAKE) $(AM_MAKEFLAGS) bench-fill$(EXEEXT) bench-echo$(EXEEXT) bench-floor$(EXEEXT) bench-load$(EXEEXT)
	env CERTD_BUILDDIR='$(abs_builddir)' PYTHONDONTWRITEBYTECODE=1 \
		$(PYTHON3) $(srcdir)/tests/bench/$(@:bench-%=%) $(BENCHFLAGS)
.PHONY: $(BENCHMARKS)

EXTRA_DIST += tests/bench/attack tests/bench/idle tests/bench/issue tests/bench/probe tests/bench/ready tests/bench/rpc tests/bench/scrape \
	tests/bench/lib
