/*
 * tests/unit/common/crypto/rsa8192.h: a key by openssl genrsa 8192, because generating one takes minutes.
 */
#ifndef TESTS_UNIT_COMMON_CRYPTO_RSA8192_H
#define TESTS_UNIT_COMMON_CRYPTO_RSA8192_H

/* clang-format off */
#define VECTOR_RSA_8192 \
	"-----BEGIN PRIVATE KEY-----\n" \
	"MIISQQIBADANBgkqhkiG9w0BAQEFAASCEiswghInAgEAAoIEAQC59k4QXNH1tRQ+\n" \
	"5GxpGt3UAaMLYp9LvxZYaY9L9hL9rl8iweoBkHt55YTAhs4iFjIJqmhymL0P1Z6B\n" \
	"pki26gtCjnHRvCDUNbHT1DfvbKiPjCIF1YkXF3bE4G6uW9ugMpVbE+NYWhxHsucA\n" \
	"shcXeaPQPqG3Jdj37aCC0Z4ySK5qjDK6ogGNc9UzBNgjnhY3mBc5AgrbnZEhA92K\n" \
	"UcJaCMPkcuSt8XOYIm5E/ojUNfcvQOFL93sxcjD07KfHm4gy6Bt/Hsqdfvtm8/w8\n" \
	"HX5tShMgUxOTAoxxwJEVehLUxoPbu/Rb+KxzihIiX1/QDYSjbJk0edTgqfBvx5GW\n" \
	"yjjbddOA1SLhtUm0SOWOj/UnxEIgHzYFWSAZ8fSYNQdci+QkYqJV3jU2ZhNlMQUz\n" \
	"NrWaGdQxveN2pUJY0BnvIC5XvH7SEqeAwirG34pOgIsydAdBUGa7GavutzKoOsHR\n" \
	"P/SQKbSyPhhfj+Kg8MhjuLpxPhOtSTCh1pFNXxCia6C1WMkDNtvZEl31blCRwDVi\n" \
	"r6qeD7iKsWSxfa1uQYbQ9HNc5QlXrRKxg7LlhbnzKTmibDPaxx5u2bpHfVFCwp08\n" \
	"NR18p443/TtQArt01Ob5PeCcAxG5wj9gNY3xlNzSyyzZY5GdBKLhhW2Ae0bugmC6\n" \
	"xXOi8AjbhiZL6WqN3OsPK7WFKaYFQi30uV0PIb8G0y3w0GWyzR9gkt8qEuYkHSmL\n" \
	"KCqBLeutdG11rol0Q8/yO+W3Zr34Pi0lebEDYe7HenSrbmvpUUwaa2SvcWP23jTL\n" \
	"GdnM2wGCsQZLOk0fJ4URy81IhjTD63HzlphHS+mGqG/1r5t9O/4zwn/bkuheIw0I\n" \
	"Rox+SNMdD/6zH8805ip4I/HwTYymtoyBxfndJ77JBLqQ/ozvl7tAYsd1alDODdg1\n" \
	"SGritnGObkgrP1IfCo81J4eXE2JDgPjW+oT8U71K7GsaQzL7v4igLZJtTA5BkIfh\n" \
	"SGhVj06AcZxDcF7vS8RS0LvZMCTs2zOVg4nc1Yf/l6XFY2KtmXsC7jZ9Zdj2UEtF\n" \
	"jafh+a4eDNgd1tlmQjJ5Pn9jjY2IJXurj2ZEO4FpjOfVrb/rvFyUDVQBVccLYHuF\n" \
	"EBJoeYvmjKHIoGPmCrehwBAX/3Z6oE+oFJ3ufkl3hhu1dgaxuIQSIdvextFBY4eN\n" \
	"6URCQPJ7nPPzDOExwutOToFUfKYaDPkRkcV8cG6KlcUg+Cg5/P7onnTN5RSQ8NhN\n" \
	"bPG7BZjPOHDVYId4LQDF6NfKqReWisfyc0OH05D8FLrob5Ns95bYuWmfRjUB2/26\n" \
	"Wh+p5nZWpTJbFdmACgtLpJJADujClpDOSUhMI8imOJEBJxn+phpXXMJzytidnwaW\n" \
	"JkHKYOWFAgMBAAECggQACPkwwvszpM4K2XkSHnqYfds2sqfc5MhmVo2rckCAIe54\n" \
	"3UIVsw3K2N2MK8fQKRbAmIpOSsoCL4IrnqPMlPT+EPAI39Rv53A63Jb8PFOriO0R\n" \
	"FDkoXxf3rXWLVGMO2fAEQyuWbW7rDUOoVXaChOm5T6UXY8bSAtlcL4vYEiLt4FV+\n" \
	"ZNad9A/aQmwSAO/8haITbCG5g+ead0kgNtqN92RpDXxE0CbwoMSij7Y87zPhHGOJ\n" \
	"VkOC1eaQebUfaH33ExvI/eKZZ4MB3xyCt/o6svaKLeW3B1buD4F5uXCqpB/7K2PV\n" \
	"CAjGdjcmpl11+mG4nDPd6wlo+LlX5pDu/njTcwrrEeesV09f7IZAUNeIqSqq1TF5\n" \
	"shre9hmLPRABWFl7a2JjZSOD66l+d0QntSpclisiZo8Rlj9QZbLkWXoIT8gC/PXq\n" \
	"UB0ueBUVL7IQusvHW4MQHf2rDVRuP5jBkwG+y6O+Oi6jDvNwExDjXo/YAVBmndaZ\n" \
	"tT7Xw+/EgKM9ve/NmAKHlnXbg6psfV1UxiZmDtqr2UIeSC6hazVYFnur7cLd50rs\n" \
	"9hS95x5DlDn8SRE8aarGQMDwC0npsqrA8G+QtMaXZy4TSgpZC4DIL3qT/NCXbvWy\n" \
	"Xge03yrY2AbMAHvHQkLVGERPvc1/uqZ0bqF0scYFlhA8XK6Oq3n0/BusFpj6pPy7\n" \
	"cBp6BEA4XoVfGCs/TvE1N99FFaQQtaHc1QuqxOqP/tEBRZHZbfaOW7XZph8UbP7B\n" \
	"IOWC15mDd4DCk7B9cSSriadOZyBBLxWjbsjq94fSmT79bc4EiC2BhiSM2vnisBYx\n" \
	"vT3+E5l41aK33i0IHKZ/2sRuOHfa9xjX0Z0ObNFucG2zuVSuoCxBImNxR6pQJZEg\n" \
	"SxqpvuJBIflL5kz+oqGA867sX3EZKJBqqYuOu5TZWZ2tRyKifnxKUGTX9ablDeb4\n" \
	"dNj1rEiCoTqkYDQC6IJ2M8G5Fip+9NaMprf+4hnm7Z1HSV1e+5LEKb7xcA9bNLXE\n" \
	"C4+jPcl1xRJqyIh6yCLVudRRb/RJmZhvNR6vEXyTQ0zWf0pD9nRZyHcoSwyjvV6h\n" \
	"INslvSmI6fidbbCQpWCK+5HY5f3wTS4MN1EEmkuRUdJbt6QTguxR9lQxvOUW7cBv\n" \
	"kl0bNRUjJYgDVgYnABj+zt3VY08NhrsvWfCxeJNEGQ98bLIBGWRjnhOjU4LSIru3\n" \
	"DG56IiZ+RgOGaG6qvuhSG6o+1WO4sXiqs8fIKiJn94TxlwXNFxLDoztYpdT97Gh4\n" \
	"M40KRhxT2vFREj7FZNuvflT8Sn8AKXLGr7kSaDgqLMyNGXCf3rSW3G5R8tGTRToH\n" \
	"6rj75QpK5RuZeOMGsMv5VPxGzs4oItAsLmwm35i4EQKCAgEA87ko/dutHwXpzuwi\n" \
	"RLFimltTpnk509fFxpRimG0CqizWhGZYA5XmFYssmD2DNl59VhrS5KlT5eB99v5z\n" \
	"pxlG9A9BgrXsSfNJOL0KQPatmrsBlvqqvitOUPMeKG/QnntSnPULMO1rhr/nL2s8\n" \
	"w2jBSNKAq+H3XRocqeemiOePa8LRdmcgfcJGbE/hCQnUBtUXvF8n6Xpv1hTgf0PT\n" \
	"m0kipTPY1q/JfI+J6e+WGB85XgU0zrYo1KHYAwBafoPAqEHJ5qOaxvD+QRw2C+uf\n" \
	"91/faYNH48S0hMC6+vhQiPHaBl5ElqRmZePeI60rKIxy/Ti8Tc3RbaNOyE3EJ6+U\n" \
	"q/WNm+SIWRM7KwQWt2nR+Rh1S/9I946Spb62psqUABB7mFKaG3+jqD4aeH/dGEL/\n" \
	"w8Ve/ARdy7swfdQeX4M7JQX46oWU3xFAWKYKBV90RoeRzdSSk7lZZtkjq+mEtx6W\n" \
	"Q1AZc0bgz4+pVylWzgaYKucqviHHZqtCF0Fqtsgi+t54PqRHRKJbsb+I1Kk+L5BT\n" \
	"k4qDF8ueO5gO9j5VM4UkxlfIScHoETMHpz3f/Tk1lUX40xuk+L7nAvjPmfoNBtCp\n" \
	"0QfzezhxIQHr8AtLEWq6o0XRVHgVD1R5xh3hdQZHU1rMFUl8LX5uohweWsvYWnW5\n" \
	"wTVjXAOvTzs9AVQA9w36EycmQTECggIBAMNUTt3DN+pszKovPUdXMhIJds+mpIvq\n" \
	"3u2Q2Ru1Y6bnLLa/7dHnPrD0/XNuS1hfjisXCgm8uaiRzsfwSOHj4m8diCUyPzWT\n" \
	"xsEhBbGjgzEr7BD2hVhIDe06iiI5PmvHql19OioA0evWaGiLuZeKb5BbaY/1Ji8u\n" \
	"bTcIdTcF3GoRp1uoF9mJppQZOayrw66dPk3W/91bGi6PJxvgv+DWBmEYba8lNNid\n" \
	"qri4PNIurlVpnG6NDLK7PlC0vosrojeOuPpnA40hXxW02JQYlLhb6ifg26g0eZNP\n" \
	"zfZQLOFfJtwrvQH0EKFAVhzIt4LoMBA6sKtSFiQRzcBjCggEC2NId3B1klGqOJXK\n" \
	"t9mGipBscGpcOcBKV7J60I6hss6/VyksCxbRYBg0emlpkreX+AxG+P1HkMl/5Z8Y\n" \
	"Uf2s0/gbCvq6+jaENDsC0U1crhi9gvu8uV0us6P5T3PimXuvLjPXmAtESn3yFJ6S\n" \
	"r71Goi9mX6j3v7JGE+P3VZEWWX/nyc+XkVxgB+jgrnFKJHajdvGjS2G/ggO+sVON\n" \
	"bFxzTGPe/nSxgnI9+GaD1FOCUBdng8Vosv2M/gykvhf5Nni+hE5f/Zwx2NTdAqCd\n" \
	"9QBD9WsHyT/gyMwNPHtFP7oOaTdGYvMWPOGuuRC69UA+zyZLfVr1je+wm2GNtCDx\n" \
	"EqMOlaaKDzSVAoICACB/yUKIn34qiLHp9OvaB37zvKTPN3HTLPE86iTPLHLKxdQj\n" \
	"3Yqk22h2BX1LfoqqcOYhb4vENIbLt6BO79cRXM/AlQi7/4Ug5tulAZAGFMI0O5MJ\n" \
	"W+k91xSeRqA3wMbRRQPe/R4KGrN+NXKyRwj7mAKA512EJTsJ91aEqEVLM2m4Mbwr\n" \
	"Jj7+v+tDf4t3/wjmM2MQAT917yHJ6OGvhrEHQJJs5nZCPIjajxZdt1MCHuE1qoQB\n" \
	"8FHiPu6vhmGmafNFyolxuXrbuduuyloukkcnRqBIPDbYDQZCuOwsXnjUXzFIMrcv\n" \
	"tuPRTdbOCZo/mDnB7gIl9s4634+AJy7vj9CaTsbB45iVIueqhOjyOGiR5Vo78Vvp\n" \
	"bA6j7rExBCk6CXEXWqteCtGtblQxIKdSj85oLDFI18UJ8f5lYaN02Vcng7iqFV7l\n" \
	"awInKeDriJK7EysyNFV0esJnJAWRfvv4HSteq/YeNm4XBwqzXXrdkD7wUlfGI1PC\n" \
	"dG6rb3JuH5P6RGh9+W7ig32hP7qz0rH++dYLu01Z/oCN1zjouO3EzFGSdQe4zpw0\n" \
	"hMm9S3f1v/pmuTZVUltFAYL48J3kpQYKnwpbmBEPRq6TFgYNS3ZIGBkbfz1XQd+o\n" \
	"cRCE/YJgUvR/gAU6pk9es5v0SevrkK8HUby8xMIJT8At8wWRUQugln8lUkmRAoIC\n" \
	"AAlX/BnRn9gf8j5l2hmSizufpkZSo2ZqCtX0at5Pc//k6Reo4Lh8xlvyrDkcWpBU\n" \
	"qdlX1cwXcg4lQ23/CY18uDU2hW+6Epn+grB0YvBXcQwmHLnHASPy9m+VsEvozxqa\n" \
	"x4SHXAPsXB5a+E2f+XXNUn7mUItpX7U8FE9goTLLnfqY85eH1/Q5CHXnKwIeiVLO\n" \
	"BM/2a/DrzbnScT19J9CajF2SrJSHRBrkl+kULxyizQYa8je7mZLnMBjuPHst0Cm2\n" \
	"MxUPXnUe1oyURRP4hQy4oN/desR2Fia8145j0XHKenJnyTfRtAXyrOvdkiG596qf\n" \
	"FBpt58875srAMhemEeFi8wu3JBOx/9jyhI7sR66W8V21IbIYHE/WXimkhIgtUP8Q\n" \
	"M0uZIm6l/AEU4sbThzMXJgv/o2ZwLszIfguTe+RPbtwFm7iF5HW6Mcbwmwdl8WEX\n" \
	"awqRFFjQsUNK4Kqw+5XRR12qm6GgtenL/IoiWdnInOTZTRs7DPKHv1kcZ5WdweKj\n" \
	"TnnLwjUaol2a/VmLgkIW3KFFZvPE6HiluDxH66yPWz67yxCp9Dr7LWn9PtWPxxbn\n" \
	"ZkCIwRJbwxgkfL2T54JURy50l/m+xMRoKfMkTRYcnjznBNP2AiGnc1/0FoZlYJBe\n" \
	"TPVCxWmOd/LlzkT3sXxraKnBmf01qRs2TPzt0qzPx+BtAoICAFKrQordjNQFiyPV\n" \
	"o6H4qRZ4rIykJXjlPdLF5w00f3pn3QEz4rO6nvPJBsovf4YZjTM7BP24TpI3S1KQ\n" \
	"CXXBZTgqJcMIfylVWHWqGl4M3d8nL38MElWiEUfjX/QcT7hGmcW68IS0pgnAVZZ0\n" \
	"ql1VmXUEdw1zEhBObrSiLw+IjVowpDQ4KlXUPSQejzrdxunWE4rlg5YBvqxHIRZG\n" \
	"km/wGJ3MRcVVq8511f+NHM9pagtJLBRqw2ywB1twsicJA6VkHgZSfngV0lzaa8Y9\n" \
	"sm6SPbib4lfyew2jwy2zFjXt7DxdM+8rxKcGEPaoj1+X+C5Q32Poa6v0upHZ2fyt\n" \
	"xQWExzgbxMcIWA33FKPjy22JMSZPmHCDKp1HF0KVQvCy5hd0t+21Mn0EIsEgOorF\n" \
	"mOflYLK9KNeWu/oCioFv/gWGOGnl1sFuVJVRi4KQBIYqvhvMC2pth0PHJU1uMlpb\n" \
	"LbZE8O5AzwaqIC89eR683yoagjhW0DStXn3Ns9SX1h3K2RU0bp0E9siWw0BJ/pWF\n" \
	"sv7ColktEKPo6QMUVdi33BOXbgmitnT7WTEwWUDFzf/BIOTzaJZHB++NJzo4HLEp\n" \
	"HvzOY6sjKqFnGckvI0FLDKnmLyW0iB/IGx7Kyu5ZJxuSGhMzQXQAUWEciuzsWaak\n" \
	"rhy2gmZSgg5JJlb2cwhpql0Oxoa6\n" \
	"-----END PRIVATE KEY-----\n"
/* clang-format on */

#endif
