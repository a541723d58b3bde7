#include "guidance/scheduler.h"
