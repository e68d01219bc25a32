// The rest: bpftool gen skeleton opens.bpf.o > opens.skel.h
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include "opens.skel.h"

int main(void)
{
	struct opens_bpf *opens = opens_bpf__open_and_load();
	unsigned long long count = 0;
	unsigned int pid = getpid();

	if (!opens || opens_bpf__attach(opens))
		return 1;
	for (int i = 0; i < 3; i++)
		close(open("/dev/null", O_RDONLY));
	bpf_map__lookup_elem(opens->maps.COUNTS, &pid, sizeof(pid),
			     &count, sizeof(count), 0);
	printf("%llu files opened\n", count);
	opens_bpf__destroy(opens);
	return 0;
}
