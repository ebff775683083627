# daemon/: the owner of everything, and the program.
libcertd_a_SOURCES += \
	daemon/certd.c daemon/certd.h \
	daemon/master_key.c daemon/master_key.h \
	daemon/rekey.c daemon/rekey.h \
	daemon/restore.c daemon/restore.h \
	daemon/startup.c daemon/startup.h

certd_SOURCES = daemon/main.c
certd_LDADD = $(DAEMON_LIBS)

# Manuals: directories from configure, the options of certd.conf from the table that reads them.
EXTRA_DIST += daemon/certd.8.in daemon/certd.conf.5.in
man8_MANS = certd.8
man5_MANS = certd.conf.5
CLEANFILES += certd.8 certd.conf.5 certd.options
MAN_DIRS = sed -e 's|@LOCALSTATEDIR@|$(localstatedir)|g' -e 's|@RUNSTATEDIR@|$(runstatedir)|g' \
	-e 's|@SYSCONFDIR@|$(sysconfdir)|g' -e 's|@DOCDIR@|$(docdir)|g'

certd.8: $(srcdir)/daemon/certd.8.in Makefile
	$(AM_V_GEN)$(MAN_DIRS) $(srcdir)/daemon/certd.8.in > $@.tmp && mv $@.tmp $@

certd.options: certd$(EXEEXT)
	$(AM_V_GEN)./certd$(EXEEXT) --help-config > $@.tmp && \
		sed -e 's|^\([a-z0-9-]*\) = \(.*\)|.TP\n.BI "\1 = " "\2"|' -e 's|^    ||' $@.tmp > $@ && rm $@.tmp

certd.conf.5: $(srcdir)/daemon/certd.conf.5.in certd.options
	$(AM_V_GEN)sed -e '/^@OPTIONS@/{' -e 'r certd.options' -e d -e '}' $(srcdir)/daemon/certd.conf.5.in | $(MAN_DIRS) > $@.tmp && mv $@.tmp $@
