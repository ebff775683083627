# daemon/control: how it is asked: the JSON-RPC socket (server, session) and REST (rest*).
libcertd_a_SOURCES += \
	daemon/control/forecast_page.c daemon/control/forecast_page.h \
	daemon/control/rest.c daemon/control/rest.h \
	daemon/control/rest_answer.c daemon/control/rest_answer.h \
	daemon/control/rest_call.c daemon/control/rest_call.h \
	daemon/control/rest_events.c daemon/control/rest_events.h \
	daemon/control/rest_page.c daemon/control/rest_page.h \
	daemon/control/rest_tls.c daemon/control/rest_tls.h \
	daemon/control/server.c daemon/control/server.h \
	daemon/control/session.c daemon/control/session.h daemon/control/session_private.h \
	daemon/control/session_answers.c

# The page of GET /: its files as arrays.
page_files = daemon/control/page/page.html daemon/control/page/page.js daemon/control/page/page.css \
	daemon/control/page/page.svg
EXTRA_DIST += $(page_files)
CLEANFILES += daemon/control/page_data.h
daemon/control/page_data.h: $(page_files)
	$(AM_V_GEN)$(MKDIR_P) daemon/control && for file in $(page_files); do \
		echo "static const unsigned char page_$${file##*.}[] = {" && \
		od -An -v -tu1 $(srcdir)/$$file | sed 's/[0-9][0-9]*/&,/g' && echo '};' || exit 1; \
	done > $@.tmp && mv $@.tmp $@
daemon/control/rest_page.$(OBJEXT): daemon/control/page_data.h
