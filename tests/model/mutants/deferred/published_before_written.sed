# a record is published before its request is written
/^        record\.request = request;$/d
/record\.waiting\.store(targets\.bits()/a record.request = request;
