#include "counter.h"

MAP(M0);
MAP(M1);
MAP(M2);
MAP(M3);
MAP(M4);
MAP(M5);
MAP(M6);
MAP(M7);
MAP(M8);
MAP(M9);
COUNT(count_0, M0)
COUNT(count_1, M1)
COUNT(count_2, M2)
COUNT(count_3, M3)
COUNT(count_4, M4)
COUNT(count_5, M5)
COUNT(count_6, M6)
COUNT(count_7, M7)
COUNT(count_8, M8)
COUNT(count_9, M9)
COUNT(count_10, M0)
COUNT(count_11, M1)
COUNT(count_12, M2)
COUNT(count_13, M3)
COUNT(count_14, M4)
COUNT(count_15, M5)
COUNT(count_16, M6)
COUNT(count_17, M7)
COUNT(count_18, M8)
COUNT(count_19, M9)
