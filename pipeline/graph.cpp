#include "pipeline/graph.h"
