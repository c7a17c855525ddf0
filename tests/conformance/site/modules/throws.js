throw new RangeError('a module that throws');
