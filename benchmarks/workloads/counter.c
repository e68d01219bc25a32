#include "counter.h"

MAP(M0);
COUNT(count_0, M0)
