# Unit tests: one Criterion program per folder, tests/unit/<folder>/test_<module>.c each.
if HAVE_CRITERION
check_PROGRAMS += unit-common
TESTS += unit-common
UNIT_LIBS = $(CRITERION_LIBS)

unit_common_SOURCES = tests/unit/common/test_error.c tests/unit/common/test_event.c
unit_common_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS)
unit_common_LDADD = $(COMMON_LIBS) $(UNIT_LIBS)
endif
