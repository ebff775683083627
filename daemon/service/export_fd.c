/*
 * A hanging worker would delay other exports, so only descriptors that should not hang are accepted: files of local
 * file systems, including memfd. A pipe waits for its reader. The owner of a file can still hold its lock for as long
 * as it likes (with a write from memory that FUSE provides).
 */
#include "daemon/service/export_fd.h"

#include "common/error.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static bool
may_hang(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return true;
	switch ((unsigned long)fs.f_type) {
	case NFS_SUPER_MAGIC:
	case FUSE_SUPER_MAGIC:
	case SMB_SUPER_MAGIC:
	case CIFS_SUPER_MAGIC:
	case SMB2_SUPER_MAGIC:
	case CODA_SUPER_MAGIC:
	case AFS_SUPER_MAGIC:
	case CEPH_SUPER_MAGIC:
	case V9FS_MAGIC:
	/* Not files: /proc/PID/mem is its owner's memory, which may be a mapped file of FUSE. */
	case PROC_SUPER_MAGIC:
	case SYSFS_MAGIC:
	case CGROUP_SUPER_MAGIC:
	case CGROUP2_SUPER_MAGIC:
	case DEBUGFS_MAGIC:
	case TRACEFS_MAGIC:
		return true;
	default:
		return false;
	}
}

int
export_fd_check(int fd, const char *method, struct error *err)
{
	struct stat st;
	int flags = fcntl(fd, F_GETFL);

	if (fd < 0)
		return error_set(err, ERROR_INVALID,
			"%s writes into a descriptor passed with the message (SCM_RIGHTS), and there is none", method);
	if (flags < 0 || (flags & O_PATH) || (flags & O_ACCMODE) == O_RDONLY)
		return error_set(err, ERROR_INVALID, "the descriptor is not open for writing");
	if (fstat(fd, &st) < 0)
		return error_set_errno(err, errno, "descriptor");
	if (!S_ISREG(st.st_mode) || may_hang(fd))
		return error_set(err, ERROR_INVALID, "the descriptor must be a memfd or a file of a local file system");
	return 0;
}

int
export_fd_write(int fd, const struct secret *octets, struct error *err)
{
	const unsigned char *data = octets->data;
	size_t len = octets->len;

	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno != EINTR)
			return error_set_errno(err, errno, "write into the descriptor");
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
	return 0;
}
